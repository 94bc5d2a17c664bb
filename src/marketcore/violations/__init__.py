"""Buyers who did not pay: what they are charged with, when it blocks them, and the pardon."""
