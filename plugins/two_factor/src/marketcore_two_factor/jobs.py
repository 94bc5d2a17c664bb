"""Housekeeping of second factors."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

# Codes of the last hour are counted even where they were good for less; a proof is as old as it may be for minutes.
_FORGET = (
    text("DELETE FROM two_factor_email_codes WHERE expires_at < market_clock() - interval '1 day'"),
    text("DELETE FROM two_factor_challenges WHERE expires_at < market_clock()"),
    text("DELETE FROM two_factor_proofs WHERE proved_at < market_clock() - interval '1 day'"),
    text("DELETE FROM two_factor_tries WHERE since < market_clock() - interval '2 days'"),
    text(
        """DELETE FROM two_factor_factors
           WHERE confirmed_at IS NULL AND begun_at < market_clock() - interval '1 day'"""
    ),
)


def forget_old_proofs(request: Any) -> None:
    """Delete what nobody can use any more."""
    for statement in _FORGET:
        request.db.execute(statement)
