"""How two lists of the same movements differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from marketcore.interfaces import StatementLine


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement as we know it.

    ``posted_minor`` is what the ledger says moved over the provider's clearing account for it. ``settled`` is false
    for one that has not ended here; such a one is no difference while it is being asked about. ``listed`` is false
    for one that the provider's list cannot have, for its kind, because it is too young,
    or at an edge of what was asked for.
    """

    kind: str
    id: UUID
    currency: str
    minor: int
    posted_minor: int
    settled: bool
    listed: bool
    reference: str | None
    receipt: str | None

    @property
    def what(self) -> str:
        """How it is named in the report."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that orders, ledger and provider do not agree about; amounts in minor units."""

    kind: str
    what: str
    currency: str
    here_minor: int | None
    there_minor: int | None
    operation: Movement | None = None


def compare(movements: Sequence[Movement], lines: Iterable[StatementLine]) -> list[Difference]:
    """Return what differs between our ``movements`` and a provider's ``lines``."""
    by_name = {name: movement for movement in movements for name in _names(movement)}
    found: list[Difference] = []
    told: set[str] = set()
    for line in lines:
        movement = next((by_name[name] for name in _line_names(line) if name in by_name), None)
        if movement is not None:
            told.add(movement.what)
        difference = _difference(line, movement)
        if difference is not None:
            found.append(difference)
    found += [
        Difference("only_here", movement.what, movement.currency, movement.minor, None, movement)
        for movement in movements
        if movement.settled and movement.listed and movement.what not in told
    ]
    return found + [
        Difference("ledger", movement.what, movement.currency, movement.minor, movement.posted_minor, movement)
        for movement in movements
        if movement.settled and movement.minor != movement.posted_minor
    ]


def looked_at(movements: Iterable[Movement], lines: Iterable[StatementLine]) -> list[str]:
    """Return what of all that a report may name has been compared now, by the names it has there."""
    return [movement.what for movement in movements] + [line_name(line) for line in lines]


def line_name(line: StatementLine) -> str:
    """Return how a provider's line that is nothing of ours is named in the report."""
    return f"{line.kind}:{line.receipt or line.reference or line.operation_id}"


def _names(movement: Movement) -> list[str]:
    names = [f"{movement.kind}:id:{movement.id}"]
    names += [f"{movement.kind}:receipt:{movement.receipt}"] if movement.receipt else []
    return names + ([f"{movement.kind}:reference:{movement.reference}"] if movement.reference else [])


def _line_names(line: StatementLine) -> list[str]:
    names = [f"{line.kind}:id:{line.operation_id}"] if line.operation_id else []
    names += [f"{line.kind}:receipt:{line.receipt}"] if line.receipt else []
    return names + ([f"{line.kind}:reference:{line.reference}"] if line.reference else [])


def _difference(line: StatementLine, movement: Movement | None) -> Difference | None:
    amount = line.amount
    if movement is None or not movement.settled:
        name = movement.what if movement else line_name(line)
        return Difference("only_there", name, amount.currency, None, amount.minor, movement)
    if (movement.minor, movement.currency) != (amount.minor, amount.currency):
        return Difference("amount", movement.what, amount.currency, movement.minor, amount.minor, movement)
    return None
