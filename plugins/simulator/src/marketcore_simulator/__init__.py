"""Simulated payment gateways over real HTTP, for development and tests only."""
