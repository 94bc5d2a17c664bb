"""Profiles with their verification, and papers with their review."""
