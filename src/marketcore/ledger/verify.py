"""Recompute everything the ledger says and name every difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from marketcore.directives import table
from marketcore.ledger.checks import LEDGER, OPERATIONS, ORDERS, Check

CHECKS: tuple[Check, ...] = (*LEDGER, *ORDERS, *OPERATIONS)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it must be: which check found it, its id, and what was seen."""

    check: str
    id: str
    detail: str


def checks_of(registry: Any) -> list[Check]:
    """Return every check of a marketplace: the core's and those of its enabled plugins."""
    return [Check(name, sql) for name, sql in table(registry, "ledger checks").items()]


def verify(connection: Connection, checks: Sequence[Check] = CHECKS) -> list[Difference]:
    """Run ``checks`` and return what they found; an empty list means that the books are right."""
    return [
        Difference(check.name, row.id, row.detail) for check in checks for row in connection.execute(text(check.sql))
    ]


def report(differences: Sequence[Difference]) -> tuple[str, int]:
    """Return what a person reads and the exit code: 0 for clean books, 1 for any difference."""
    if not differences:
        return "the ledger is right: no differences", 0
    lines = [f"{found.check}: {found.id}: {found.detail}" for found in differences]
    return "\n".join([*lines, f"{len(differences)} differences: stop payouts and investigate"]), 1
