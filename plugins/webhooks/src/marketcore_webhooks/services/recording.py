"""What a try has brought, written down."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import text

from marketcore.db import clock
from marketcore_webhooks.claiming import Claimed
from marketcore_webhooks.events import EndpointDisabled
from marketcore_webhooks.rules.schedule import Answer, Verdict, judge

log = structlog.get_logger(__name__)
_LOCK = text("SELECT failing_since, enabled FROM webhooks_endpoints WHERE id = :id FOR NO KEY UPDATE")
_DELIVERY = text(
    """
    UPDATE webhooks_deliveries
    SET state = CAST(:state AS text), last_status = :status, last_error = :error, last_at = :now, lease_until = NULL,
        lease_token = NULL, next_at = CAST(:now AS timestamptz) + make_interval(secs => :delay),
        delivered_at = CASE WHEN CAST(:state AS text) = 'delivered' THEN CAST(:now AS timestamptz) END
    WHERE id = :id AND lease_token = :token
    """
)
_ENDPOINT = text(
    """
    UPDATE webhooks_endpoints
    SET failing_since = CASE WHEN NOT :ok THEN coalesce(failing_since, CAST(:now AS timestamptz)) END,
        paused_until = CASE WHEN :pause > 0 THEN CAST(:now AS timestamptz) + make_interval(secs => :pause)
                            ELSE paused_until END,
        enabled = enabled AND CAST(:disable AS text) = '',
        disabled_reason = CASE WHEN enabled THEN CAST(:disable AS text) ELSE disabled_reason END
    WHERE id = :id
    """
)


def record(request: Any, claimed: Claimed, answer: Answer) -> None:
    """Write down what a try has brought and what follows from it, in this transaction.

    A try whose lease was lost, or whose endpoint was deleted meanwhile, changes nothing: another one follows it.
    """
    endpoint = request.db.execute(_LOCK, {"id": claimed.endpoint_id}).one_or_none()
    if endpoint is None:
        return
    now = clock.now(request.db)
    verdict = _judged(claimed, answer, endpoint, now)
    if not request.db.execute(_DELIVERY, _delivery(claimed, answer, verdict, now)).rowcount:
        log.warning("webhook_lease_lost", delivery_id=claimed.delivery_id, endpoint_id=claimed.endpoint_id)
        return
    if not answer.ok or endpoint.failing_since is not None:
        values = {"ok": answer.ok, "pause": verdict.pause, "disable": verdict.disable, "now": now}
        request.db.execute(_ENDPOINT, {"id": claimed.endpoint_id, **values})
    if verdict.disable and endpoint.enabled:
        _tell(request, claimed, verdict.disable)


def _judged(claimed: Claimed, answer: Answer, endpoint: Any, now: datetime) -> Verdict:
    failing = (now - endpoint.failing_since).total_seconds() if endpoint.failing_since else 0
    jitter = random.uniform(-1, 1)  # noqa: S311 - spreads tries, hides nothing
    return judge(answer, tries=claimed.tries, failing_seconds=failing, jitter=jitter, now=now)


def _delivery(claimed: Claimed, answer: Answer, verdict: Verdict, now: datetime) -> dict[str, Any]:
    return {
        "id": claimed.delivery_id,
        "token": claimed.token,
        "state": verdict.state,
        "status": answer.status,
        "error": answer.error[:300],
        "delay": verdict.delay,
        "now": now,
    }


def _tell(request: Any, claimed: Claimed, reason: str) -> None:
    log.warning("webhook_endpoint_disabled", endpoint_id=claimed.endpoint_id, user_id=claimed.user_id, reason=reason)
    request.emit(EndpointDisabled(claimed.endpoint_id, claimed.user_id, reason))
