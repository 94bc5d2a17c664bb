"""Operations: what a provider has been asked to do, and is asked about until it has ended.

A refund and a payout leave by the same door: a committed row, handed over once outside any transaction, changed
under its lock by ``apply`` alone, asked about by the reconciler. What differs between them is data: the table, the
transitions, the provider's methods and what a step means for the ledger.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy import text

from marketcore.db.session import perform
from marketcore.directives import table
from marketcore.exceptions import ConfigurationError
from marketcore.interfaces import Outcome, ProviderResult, WebhookEvent
from marketcore.payments.callbacks import new_callback
from marketcore.payments.rules import CHECK_AFTER
from marketcore.testing.crash import crash_point

log = structlog.get_logger(__name__)
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
# Longer than any call takes (a token and the request, 25 s each).
_HAND_OVER_SECONDS = 60
_UNDER_WAY = text(
    """SELECT state = 'submitting' AND at > market_clock() - make_interval(secs => :seconds) FROM operation_history
       WHERE subject = :subject AND subject_id = :id AND source = 'start' AND applied ORDER BY id DESC LIMIT 1"""
)
_HISTORY = text(
    """INSERT INTO operation_history (subject, subject_id, previous, state, source, applied, detail)
       VALUES (:subject, :id, :previous, :state, :source, :applied, :detail)"""
)


class Operation(Protocol):
    """One kind of operation, known to the reconciler and the inbox by its ``subject``."""

    @property
    def subject(self) -> str:
        """What it is called, such as ``refund``."""
        ...

    @property
    def table(self) -> str:
        """Its table, which has ``id``, ``provider``, ``state``, ``checks``, ``next_check_at`` and ``lease_until``."""
        ...

    @property
    def note(self) -> str:
        """The column that says why a person has to look."""
        ...

    def ask(self, registry: Any, operation_id: UUID, source: str, hint: WebhookEvent | None = None) -> str:
        """Ask the provider for the truth and apply it; return the state afterwards."""
        ...

    def apply(self, request: Any, operation_id: UUID, result: ProviderResult, source: str) -> str:
        """Apply what a provider says; return the state afterwards."""
        ...


def operations(registry: Any) -> dict[str, Operation]:
    """Return the kinds of operations of this marketplace by subject."""
    found: dict[str, Operation] = registry.setdefault("operations", {})
    return found


def new_code() -> str:
    """Return a code that a person may read out: ten characters, none of which look alike."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


def record(session: Any, subject: str, operation_id: UUID, previous: str, state: str, source: str, **more: Any) -> None:
    """Keep one step of an operation; ``more`` may hold ``applied`` (else true) and ``detail``."""
    detail = (more.get("detail") or "")[:500]
    row = {"subject": subject, "id": operation_id, "previous": previous, "state": state, "source": source}
    session.execute(_HISTORY, {**row, "applied": more.get("applied", True), "detail": detail})


def provider_called(registry: Any, name: str) -> Any:
    """Return the payment or payout provider called ``name``, whether or not a route leads to it."""
    found = table(registry, "payment providers").get(name) or table(registry, "payout providers").get(name)
    if found is None:
        raise LookupError(f"no enabled plugin provides {name!r}")
    return found


def providers(registry: Any) -> list[Any]:
    """Return every provider once, whatever it provides."""
    every = [*table(registry, "payment providers").values(), *table(registry, "payout providers").values()]
    return list({id(provider): provider for provider in every}.values())


def check_providers(config: Any) -> None:
    """Stop the start where one name or one address would lead to two providers."""
    for attribute in ("name", "webhook_slug"):
        taken: dict[str, Any] = {}
        for provider in providers(config.registry):
            value = getattr(provider, attribute, None)
            if value is not None and taken.setdefault(value, provider) is not provider:
                raise ConfigurationError(f"two providers have the {attribute} {value!r}: each needs its own")


def guarded(call: Callable[..., ProviderResult], attempt: Any) -> ProviderResult:
    """Return what ``call`` says; an exception means that nobody knows what happened, so: unknown."""
    try:
        return call(attempt)
    except Exception as error:
        log.exception("provider_call_failed", operation_id=str(attempt.id))
        return ProviderResult(Outcome.UNKNOWN, detail=type(error).__name__)


@dataclass(frozen=True)
class Outgoing:
    """Money on its way out: a refund or a payout.

    ``select`` reads one row with all that ``attempt(row, callback_url)`` needs; ``submit`` and ``fetch`` name the
    provider's methods; ``settle(request, row, target, result)`` moves the money of a step; ``may`` refuses steps
    that the table allows and the row does not.
    """

    subject: str
    table: str
    states: type[StrEnum]
    waiting: StrEnum
    open: frozenset[Any]
    transitions: Mapping[Any, frozenset[Any]]
    state_of: Mapping[Outcome, Any]
    select: str
    attempt: Callable[[Any, str], Any]
    submit: str
    fetch: str
    settle: Callable[[Any, Any, Any, ProviderResult], None]
    may: Callable[[Any, Any], bool] = lambda _row, _target: True
    note: str = "failure"

    def hand_over(self, registry: Any, operation_id: UUID) -> str | None:
        """Hand a waiting operation to its provider, once; ``None`` if somebody else does or did."""
        claimed = perform(registry, self._claim, operation_id)
        if claimed is None:
            return None
        row, url = claimed
        crash_point(f"{self.subject}s.before_submit")
        result = self._call(registry, row, self.submit, self.attempt(row, url))
        crash_point(f"{self.subject}s.after_submit")
        return perform(registry, self._apply, operation_id, result, "start")

    def ask(self, registry: Any, operation_id: UUID, source: str, hint: WebhookEvent | None = None) -> str:
        """Ask for the truth about an operation and apply it; one that nobody has handed over yet is handed over.

        One that has ended is asked about where ``hint`` claims what may still follow, such as money that came back.
        """
        row, url = perform(registry, self._question, operation_id, hint)
        if row.state == self.waiting:
            return self.hand_over(registry, operation_id) or str(row.state)
        if url is None:
            return str(row.state)
        attempt = self.attempt(row, url)
        if hint and attempt.reference is None:
            attempt = replace(attempt, reference=hint.reference)
        result = self._call(registry, row, self.fetch, attempt)
        crash_point(f"{self.subject}s.after_fetch")
        return perform(registry, self._apply, operation_id, result, source)

    def apply(self, request: Any, operation_id: UUID, result: ProviderResult, source: str) -> str:
        """Apply what a provider says: the only way an operation that was handed over changes."""
        row = self._row(request, operation_id, lock=True)
        result = _believable(row, result)
        current, target = self.states(row.state), self.state_of[result.outcome]
        if result.outcome is Outcome.RETURNED and current in self.open:
            target = self.state_of[Outcome.DECLINED]  # it came back before we heard that it had arrived
        if result.outcome is Outcome.UNKNOWN and current != "submitting":
            return str(current)
        if target is self.waiting and source != "start" and self._under_way(request, operation_id):
            return str(current)
        if target is current:
            self._change(request, row, target, result)
            return str(current)
        allowed = target in self.transitions.get(current, frozenset()) and self.may(row, target)
        detail = result.detail or result.reason
        record(request.db, self.subject, operation_id, current, target, source, applied=allowed, detail=detail)
        if not allowed:
            log.error(
                "operation_step_refused", subject=self.subject, id=str(operation_id), current=current, target=target
            )
            return str(current)
        self._change(request, row, target, result)
        self.settle(request, row, target, result)
        return str(target)

    def _apply(self, request: Any, operation_id: UUID, result: ProviderResult, source: str) -> str:
        state = self.apply(request, operation_id, result, source)
        crash_point(f"{self.subject}s.before_commit")
        return state

    def _under_way(self, request: Any, operation_id: UUID) -> bool:
        # The provider may not know it *yet*: while the hand-over may still run, only its own answer tells that nothing
        # began. Else the operation could be handed over again, or called off, with the first call still on its way.
        values = {"subject": self.subject, "id": operation_id, "seconds": _HAND_OVER_SECONDS}
        return bool(request.db.execute(_UNDER_WAY, values).scalar())

    def _call(self, registry: Any, row: Any, method: str, attempt: Any) -> ProviderResult:
        # A provider whose plugin is switched off knows nothing either: the money waits, and in the end a person looks.
        def call(asked: Any) -> ProviderResult:
            answer: ProviderResult = getattr(provider_called(registry, row.provider), method)(asked)
            return answer

        return guarded(call, attempt)

    def _claim(self, request: Any, operation_id: UUID) -> tuple[Any, str] | None:
        values = {"id": operation_id, "waiting": self.waiting}
        if request.db.execute(self._sql["claim"], values).first() is None:
            return None
        record(request.db, self.subject, operation_id, self.waiting, "submitting", "start")
        row = self._row(request, operation_id)
        # Where the provider's plugin is switched off this raises, and the operation goes on waiting.
        return row, self._address(request, row, question=False)

    def _question(self, request: Any, operation_id: UUID, hint: WebhookEvent | None) -> tuple[Any, str | None]:
        row = self._row(request, operation_id)
        state = self.states(row.state)
        if state is self.waiting or not (state in self.open or self._may_follow(row, hint)):
            return row, None
        return row, self._address(request, row, question=True)

    def _may_follow(self, ended: Any, hint: WebhookEvent | None) -> bool:
        # Asked by its reference a provider only looks; without one it might send again what has been given up.
        if hint is None or hint.result is None or not (ended.provider_reference or hint.reference):
            return False
        return self.state_of[hint.result.outcome] in self.transitions.get(self.states(ended.state), frozenset())

    def _address(self, request: Any, row: Any, *, question: bool) -> str:
        provider = provider_called(request.registry, row.provider)
        return new_callback(request, provider, self.subject, row.id, question=question)

    def _row(self, request: Any, operation_id: UUID, *, lock: bool = False) -> Any:
        if lock:
            request.db.execute(self._sql["lock"], {"id": operation_id})
        return request.db.execute(self._sql["read"], {"id": operation_id}).one()

    def _change(self, request: Any, row: Any, target: Any, result: ProviderResult) -> None:
        values = {
            "id": row.id,
            "state": target,
            "failure": (result.reason or "")[:60] if target not in self.open else "",
            "reference": result.reference,
            "receipt": result.receipt,
            "open": target in self.open,
            "left": row.state == "submitting",
            "seconds": CHECK_AFTER[min(row.checks, len(CHECK_AFTER) - 1)],
        }
        request.db.execute(self._sql["change"], values)

    @cached_property
    def _sql(self) -> Mapping[str, Any]:
        return {
            "claim": text(
                f"""UPDATE {self.table} SET state = 'submitting', updated_at = market_clock(),
                           next_check_at = market_clock() + interval '{_HAND_OVER_SECONDS} seconds'
                    WHERE id = :id AND state = :waiting RETURNING id"""
            ),
            "lock": text(f"SELECT id FROM {self.table} WHERE id = :id FOR UPDATE"),
            "read": text(self.select),
            "change": text(
                f"""UPDATE {self.table} SET state = CAST(:state AS text), failure = :failure,
                           updated_at = CASE WHEN state = CAST(:state AS text) THEN updated_at ELSE market_clock() END,
                           provider_reference = coalesce(provider_reference, :reference),
                           provider_receipt = coalesce(provider_receipt, :receipt),
                           next_check_at = CASE WHEN NOT :open THEN NULL
                               WHEN :left OR next_check_at IS NULL
                               THEN market_clock() + make_interval(secs => :seconds) ELSE next_check_at END
                    WHERE id = :id"""
            ),
        }


def _believable(row: Any, result: ProviderResult) -> ProviderResult:
    """Return ``result``, or no news where a success is not of the amount that was asked for."""
    if result.outcome is not Outcome.SUCCEEDED:
        return result
    told = result.amount
    if told is not None and (told.minor, told.currency) == (row.amount_minor, row.currency):
        return result
    log.error("operation_amount_differs", id=str(row.id), asked=row.amount_minor, told=str(told))
    return replace(result, outcome=Outcome.UNKNOWN, detail=f"success of {told}, asked for {row.amount_minor}")
