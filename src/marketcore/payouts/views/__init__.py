"""Payouts and where they go, over HTTP."""
