"""Deliveries: read, tested and replayed by the owner of their endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.exceptions import Conflict, NotFound, TooManyRequests
from marketcore_webhooks.rules.messages import TEST
from marketcore_webhooks.services.writing import write_test

TESTS_PER_MINUTE = 10
_LOCK = text("SELECT enabled FROM webhooks_endpoints WHERE id = :id AND user_id = :user_id FOR NO KEY UPDATE")
_TESTS = text(
    """SELECT count(*) FROM webhooks_messages m JOIN webhooks_deliveries d ON d.message_id = m.id
       JOIN webhooks_endpoints e ON e.id = d.endpoint_id
       WHERE m.created_at > market_clock() - interval '1 minute' AND m.type = :type AND e.user_id = :user_id"""
)
_COLUMNS = """d.id, d.endpoint_id, m.public_id, m.type, d.state, d.tries, d.last_status, d.last_error, d.last_at,
              d.next_at, d.delivered_at, d.created_at"""
_FROM = """FROM webhooks_deliveries d JOIN webhooks_messages m ON m.id = d.message_id
           JOIN webhooks_endpoints e ON e.id = d.endpoint_id AND e.user_id = :user_id"""
_LIST = text(
    f"""SELECT {_COLUMNS} {_FROM}
        WHERE (CAST(:endpoint_id AS bigint) IS NULL OR d.endpoint_id = :endpoint_id)
          AND (CAST(:state AS text) IS NULL OR d.state = :state)
          AND (CAST(:before AS bigint) IS NULL OR d.id < :before)
        ORDER BY d.id DESC LIMIT :limit"""
)
_READ = text(f"SELECT {_COLUMNS}, m.body {_FROM} WHERE d.id = :id")
# A try that is under way is left to its end: its outcome belongs to it.
_IDLE = "(lease_until IS NULL OR lease_until < market_clock())"
_AGAIN = "SET state = 'waiting', tries = 0, next_at = market_clock(), delivered_at = NULL"
_REPLAY_ONE = text(f"UPDATE webhooks_deliveries {_AGAIN} WHERE id = :id AND {_IDLE}")
_REPLAY = text(
    f"""UPDATE webhooks_deliveries {_AGAIN}
        WHERE endpoint_id = :endpoint_id AND {_IDLE} AND state = ANY(CAST(:states AS text[]))
          AND created_at >= :since AND (CAST(:until AS timestamptz) IS NULL OR created_at < :until)"""
)
REPLAYED = {"failed": ["failed"], "delivered": ["delivered"], "all": ["failed", "delivered", "waiting"]}


class DeliveryService:
    """Deliveries to the endpoints of one user at a time: somebody else's are ``NotFound``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def newest(
        self, user_id: int, *, endpoint_id: int | None, state: str | None, before: int | None, limit: int
    ) -> Sequence[Any]:
        """Return deliveries, the newest first, from below the id ``before``."""
        wanted = {"endpoint_id": endpoint_id, "state": state, "before": before, "limit": limit}
        return self._session.execute(_LIST, {"user_id": user_id, **wanted}).all()

    def read(self, user_id: int, delivery_id: int) -> Any:
        """Return one delivery with the ``body`` of its message."""
        row = self._session.execute(_READ, {"user_id": user_id, "id": delivery_id}).one_or_none()
        if row is None:
            raise NotFound("you have no such delivery")
        return row

    def test(self, user_id: int, endpoint_id: int) -> Any:
        """Return the delivery of a new test message; ``Conflict`` where the endpoint is disabled."""
        self._lock(user_id, endpoint_id)
        made = self._session.execute(_TESTS, {"user_id": user_id, "type": TEST}).scalar_one()
        if made >= TESTS_PER_MINUTE:
            raise TooManyRequests(f"at most {TESTS_PER_MINUTE} test messages in a minute", retry_after=60)
        return self.read(user_id, write_test(self._session, endpoint_id))

    def replay(self, user_id: int, delivery_id: int) -> Any:
        """Let a delivery begin anew, under its old message id; ``Conflict`` while one of its tries is under way."""
        self._lock(user_id, self.read(user_id, delivery_id).endpoint_id)
        if not self._count(_REPLAY_ONE, {"id": delivery_id}):
            raise Conflict("this delivery is being sent at this moment; try again")
        return self.read(user_id, delivery_id)

    def replay_range(
        self, user_id: int, endpoint_id: int, *, since: datetime, until: datetime | None, state: str
    ) -> int:
        """Let an endpoint's deliveries made from ``since`` to before ``until`` begin anew; return how many."""
        self._lock(user_id, endpoint_id)
        values = {"endpoint_id": endpoint_id, "since": since, "until": until, "states": REPLAYED[state]}
        return self._count(_REPLAY, values)

    def _count(self, statement: Any, values: dict[str, Any]) -> int:
        result: Any = self._session.execute(statement, values)
        return int(result.rowcount)

    def _lock(self, user_id: int, endpoint_id: int) -> None:
        endpoint = self._session.execute(_LOCK, {"id": endpoint_id, "user_id": user_id}).one_or_none()
        if endpoint is None:
            raise NotFound("you have no such endpoint")
        if not endpoint.enabled:
            raise Conflict("this endpoint is disabled: enable it first")


def delivery_service(_context: Any, request: Any) -> DeliveryService:
    """Return the request's service."""
    return DeliveryService(request.db)
