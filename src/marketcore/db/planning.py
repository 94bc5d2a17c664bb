"""Statements that PostgreSQL plans once for each connection."""

from __future__ import annotations

import re


def hide_values(statement: str, **types: str) -> str:
    """Return ``statement`` with the parameters named in ``types`` (name to SQL type) hidden from the planner.

    Who sees a value, above all how many members an array has, finds a plan for it that looks a little cheaper than one
    for any, and plans anew for each execution. For a statement of many tables that takes as long as the execution.
    """
    names = "|".join(types)
    return re.sub(rf"(?<!:):({names})\b", lambda name: _hidden(name[1], types[name[1]]), statement)


def _hidden(name: str, kind: str) -> str:
    # The outer cast keeps ANY from taking an array in a query of its own for rows.
    return f"CAST((SELECT CAST(:{name} AS {kind})) AS {kind})"
