"""What the database holds, in short: to prove that a refusal has written nothing."""

from __future__ import annotations

from functools import cache

from marketcore.testing.market import Market

_ALL = """SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"""


@cache
def _statement(names: tuple[str, ...], expression: str) -> str:
    return " UNION ALL ".join(f"SELECT '{name}', {expression} FROM \"{name}\" t" for name in names)


def _read(market: Market, expression: str) -> dict[str, object]:
    names = tuple(row[0] for row in market.query(_ALL))
    return dict(tuple(row) for row in market.query(_statement(names, expression)))


def counts(market: Market) -> dict[str, object]:
    """Return the number of rows of every table."""
    return _read(market, "count(*)")


def contents(market: Market) -> dict[str, object]:
    """Return a digest of every row of every table."""
    return _read(market, "md5(coalesce(string_agg(CAST(t AS text), '|' ORDER BY CAST(t AS text)), ''))")
