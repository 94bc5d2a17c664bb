"""Work on payments outside requests; all of it calls providers, so none of it runs inside a transaction."""

from __future__ import annotations

from typing import Any

from marketcore.db.session import perform
from marketcore.jobs.binding import outside_transaction
from marketcore.payments import inbox, reconciler
from marketcore.payments.callbacks import forget_questions


@outside_transaction
def process_webhook(registry: Any, inbox_id: int) -> None:
    """Apply one stored call of a provider."""
    inbox.process(registry, inbox_id)


@outside_transaction
def sweep_webhooks(registry: Any) -> None:
    """Apply stored calls whose job was lost or put off."""
    for inbox_id in perform(registry, inbox.due):
        inbox.process(registry, inbox_id)


@outside_transaction
def reconcile(registry: Any) -> None:
    """Ask providers about operations that have not ended."""
    while reconciler.reconcile(registry):
        pass


def forget_webhook_bodies(request: Any) -> None:
    """Delete what old calls said of people, and addresses that nobody calls any more."""
    inbox.forget_bodies(request)
    forget_questions(request)
