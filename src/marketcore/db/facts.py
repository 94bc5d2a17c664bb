"""``request.emit``: hand a fact to its subscribers, inside the transaction and after it."""

from __future__ import annotations

from typing import Any

import structlog

from marketcore.directives import table

log = structlog.get_logger(__name__)


def emit(request: Any, event: Any) -> None:
    """Run the subscribers of ``event`` now; queue its after-commit subscribers for the end of the transaction."""
    for subscriber in _subscribers(request.registry, "event subscribers", event):
        subscriber(request, event)
    for subscriber in _subscribers(request.registry, "after-commit subscribers", event):
        request.tm.get().addAfterCommitHook(_isolated, args=(subscriber, request.registry, event))


def _subscribers(registry: Any, category: str, event: Any) -> list[Any]:
    return [call for kind, call in table(registry, category).values() if isinstance(event, kind)]


def _isolated(committed: bool, subscriber: Any, registry: Any, event: Any) -> None:
    if not committed:
        return
    try:
        subscriber(registry, event)
    except Exception:
        log.exception("after_commit_subscriber_failed", subscriber=subscriber.__qualname__, fact=type(event).__name__)


def includeme(config: Any) -> None:
    """Add ``request.emit``."""
    config.add_request_method(emit)
