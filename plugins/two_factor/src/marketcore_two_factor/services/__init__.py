"""Proving factors, setting them up, the second step of logins, and proofs for what matters."""
