"""The daily comparison of orders, ledger and providers, and what a person does about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import text

from marketcore.db import clock
from marketcore.db.session import perform
from marketcore.exceptions import Invalid, NotFound, Unavailable
from marketcore.interfaces import Capabilities, StatementLine
from marketcore.ledger.accounts import provider_clearing, provider_fees
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.payments.operations import operations, providers
from marketcore.reconciliation.books import movements
from marketcore.reconciliation.rules import Difference, Movement, compare, looked_at
from marketcore.settings import section

log = structlog.get_logger(__name__)

_WINDOW = timedelta(days=2)
# A provider's list may lag behind its word: what is younger is compared tomorrow.
_SETTLING = timedelta(hours=1)
_OLDEST = text(
    "SELECT min(first_seen_at) FROM reconciliation_differences WHERE provider = :provider AND resolved_at IS NULL"
)
_SEEN = text(
    """INSERT INTO reconciliation_differences (provider, kind, what, currency, here_minor, there_minor, owner_id)
       VALUES (:provider, :kind, :what, :currency, :here, :there, (SELECT id FROM users WHERE email = :owner))
       ON CONFLICT (provider, kind, what) WHERE resolved_at IS NULL
       DO UPDATE SET last_seen_at = market_clock(), here_minor = excluded.here_minor,
                     there_minor = excluded.there_minor
       RETURNING id"""
)
_GONE = text(
    """UPDATE reconciliation_differences SET resolved_at = market_clock()
       WHERE provider = :provider AND resolved_at IS NULL AND id <> ALL(:seen)
         AND (:everything OR what = ANY(:looked_at))"""
)
_COLUMNS = """d.id, d.provider, d.kind, d.what, d.currency, d.here_minor, d.there_minor, d.owner_id,
              u.username AS owner, d.note, d.first_seen_at, d.last_seen_at, d.resolved_at,
              extract(epoch FROM coalesce(d.resolved_at, market_clock()) - d.first_seen_at) AS age_seconds"""
_PAGE = text(
    f"""SELECT {_COLUMNS} FROM reconciliation_differences d LEFT JOIN users u ON u.id = d.owner_id
        WHERE d.id < :before AND (NOT :open OR d.resolved_at IS NULL) ORDER BY d.id DESC LIMIT :limit"""
)
_ONE = text(
    f"SELECT {_COLUMNS} FROM reconciliation_differences d LEFT JOIN users u ON u.id = d.owner_id WHERE d.id = :id"
)
_ASSIGN = text(
    """UPDATE reconciliation_differences SET owner_id = coalesce(:owner, owner_id), note = coalesce(:note, note)
       WHERE id = :id"""
)
_IS_ADMIN = text("SELECT 'admin' = ANY(roles) FROM users WHERE id = :id")


def reconcile_all(registry: Any) -> int:
    """Compare with every provider that lists what it did; return how many differences are open afterwards.

    One whose list cannot be read stops no other; ``Unavailable`` names it when the others are done.
    """
    differences, unread = 0, []
    for provider in providers(registry):
        if "statement" in _capabilities(provider).features:
            try:
                differences += reconcile_provider(registry, provider)
            except Unavailable as error:
                unread.append(error.detail)
    if unread:
        raise Unavailable("; ".join(unread))
    return differences


def reconcile_provider(registry: Any, provider: Any) -> int:
    """Compare our books with one provider's; return how many differences are open afterwards.

    What the provider has and we have not ended is asked about at once: most differences are answers that got lost.
    ``Invalid`` if it lists nothing at all, ``Unavailable`` if its list cannot be read now.
    """
    if "statement" not in _capabilities(provider).features:
        raise Invalid(f"{provider.name} does not list what it did: there is nothing to compare with")
    since, until = perform(registry, _window, provider)
    lines = _lines(provider, since, until)
    for movement in perform(registry, _unfinished, provider, since, until, lines):
        operations(registry)[movement.kind].ask(registry, movement.id, "statement")
    return perform(registry, _record, provider, since, until, lines)


def _lines(provider: Any, since: datetime, until: datetime) -> list[StatementLine]:
    try:
        return list(provider.statement(since, until))
    except Exception as error:
        log.exception("statement_unreadable", provider=provider.name)
        raise Unavailable(f"the list of {provider.name} cannot be read ({type(error).__name__}): try again") from error


def _capabilities(provider: Any) -> Capabilities:
    capabilities: Capabilities = getattr(provider, "capabilities", None) or provider.payout_capabilities
    return capabilities


def _window(request: Any, provider: Any) -> tuple[datetime, datetime]:
    now, hours = clock.now(request.db), _capabilities(provider).statement_hours
    oldest = request.db.execute(_OLDEST, {"provider": provider.name}).scalar()
    since = min(now, oldest or now) - _WINDOW
    return since if hours is None else max(since, now - timedelta(hours=hours)), now - _SETTLING


def _movements(request: Any, provider: Any, since: datetime, until: datetime) -> list[Movement]:
    return movements(request.db, provider.name, since, until, _capabilities(provider).statement_kinds)


def _unfinished(
    request: Any, provider: Any, since: datetime, until: datetime, lines: Sequence[StatementLine]
) -> list[Movement]:
    here = _movements(request, provider, since, until)
    found = compare(here, lines)
    return [item.operation for item in found if item.kind == "only_there" and item.operation is not None]


def _record(request: Any, provider: Any, since: datetime, until: datetime, lines: Sequence[StatementLine]) -> int:
    _book_fees(request, provider.name, lines)
    here = _movements(request, provider, since, until)
    seen = [_seen(request, provider.name, difference) for difference in compare(here, lines)]
    # What a short list has lost sight of has not been put right by that.
    everything = _capabilities(provider).statement_hours is None
    gone = {"provider": provider.name, "seen": seen, "everything": everything, "looked_at": looked_at(here, lines)}
    request.db.execute(_GONE, gone)
    if seen:
        log.error("reconciliation_differences", provider=provider.name, open=len(seen))
    return len(seen)


def _seen(request: Any, provider: str, difference: Difference) -> int:
    values = {
        "provider": provider,
        "kind": difference.kind,
        "what": difference.what[:260],
        "currency": difference.currency,
        "here": difference.here_minor,
        "there": difference.there_minor,
        "owner": section(request.registry, "reconciliation")["owner"],
    }
    difference_id: int = request.db.execute(_SEEN, values).scalar_one()
    return difference_id


def _book_fees(request: Any, provider: str, lines: Iterable[StatementLine]) -> None:
    """Book what the provider kept, once per movement however often it is listed."""
    for line in lines:
        if line.fee is None or line.fee.minor < 1:
            continue
        name = line.receipt or line.reference or line.operation_id
        transfer = Transfer(
            id=business_id("fee", provider, line.kind, name),
            debit=provider_fees(line.fee.currency),
            credit=provider_clearing(provider, line.fee.currency),
            minor=line.fee.minor,
            code="provider_fee",
            ref_type="provider",
            ref_id=provider,
        )
        request.find_service(LedgerService).transfer([transfer], event_id=transfer.id)


class DifferenceService:
    """What reconciliation has found, for the people who look after it."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def page(self, *, before: int, limit: int, only_open: bool) -> list[Any]:
        """Return up to ``limit`` differences, newest first, with ids below ``before``."""
        return list(self._session.execute(_PAGE, {"before": before, "limit": limit, "open": only_open}))

    def read(self, difference_id: int) -> Any:
        """Return one difference; ``NotFound`` if there is none."""
        row = self._session.execute(_ONE, {"id": difference_id}).first()
        if row is None:
            raise NotFound(f"there is no difference {difference_id}")
        return row

    def assign(self, difference_id: int, owner_id: int | None, note: str | None) -> None:
        """Say who looks after a difference and what is known of it; ``None`` leaves either as it is."""
        if owner_id is not None and not self._session.execute(_IS_ADMIN, {"id": owner_id}).scalar():
            raise Invalid(errors={"owner_id": "must be an admin"})
        self.read(difference_id)
        self._session.execute(_ASSIGN, {"id": difference_id, "owner": owner_id, "note": note})


def difference_service(_context: Any, request: Any) -> DifferenceService:
    """Return the request's ``DifferenceService``."""
    return DifferenceService(request.db)
