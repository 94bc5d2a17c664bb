"""Logins on their way, and the accounts at providers that open accounts here."""
