"""The deliveries' statements: which are due, and whose they are while they are sent.

An endpoint's row is locked before its deliveries are chosen, and they are chosen by a statement of its own, which
sees what whoever held the lock before has claimed: so no endpoint ever has more than its share at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

AT_ONCE = 2
# One that has brought nothing but failures lately is tried, but not twice at the same time.
AT_ONCE_FAILING = 1
_DUE = """d.state = 'waiting' AND d.next_at <= (SELECT market_clock())
          AND (d.lease_until IS NULL OR d.lease_until < (SELECT market_clock()))"""
_IN_FLIGHT = """(SELECT count(*) FROM webhooks_deliveries l
                 WHERE l.endpoint_id = e.id AND l.lease_until >= (SELECT market_clock()))"""
_ENDPOINTS = text(
    f"""
    SELECT e.id, e.user_id, e.url, e.secret, e.failing_since IS NOT NULL AS failing,
           CASE WHEN e.old_secret_until > (SELECT market_clock()) THEN e.old_secret END AS old_secret
    FROM webhooks_endpoints e
    CROSS JOIN LATERAL (SELECT d.next_at FROM webhooks_deliveries d WHERE d.endpoint_id = e.id AND {_DUE}
                        ORDER BY d.next_at, d.id LIMIT 1) AS oldest
    WHERE e.enabled AND (e.failing_since IS NOT NULL) = :failing
      AND (e.paused_until IS NULL OR e.paused_until <= (SELECT market_clock()))
      AND (NOT e.platform OR EXISTS (SELECT FROM users u WHERE u.id = e.user_id AND 'admin' = ANY(u.roles)
                                                          AND u.blocked_at IS NULL))
      AND {_IN_FLIGHT} < :at_once
    ORDER BY oldest.next_at, e.id
    LIMIT :slots
    FOR NO KEY UPDATE OF e SKIP LOCKED
    """
)
_CLAIM = text(
    f"""
    UPDATE webhooks_deliveries AS claimed
    SET tries = claimed.tries + 1, lease_token = gen_random_uuid(),
        lease_until = market_clock() + make_interval(secs => :lease_seconds)
    FROM (
        SELECT due.id FROM unnest(CAST(:endpoints AS bigint[])) AS e (id)
        CROSS JOIN LATERAL (SELECT d.id, d.next_at, row_number() OVER (ORDER BY d.next_at, d.id) AS place
                            FROM webhooks_deliveries d WHERE d.endpoint_id = e.id AND {_DUE}
                            ORDER BY d.next_at, d.id LIMIT greatest(0, :at_once - {_IN_FLIGHT})) AS due
        ORDER BY due.place, due.next_at, due.id LIMIT :slots
    ) AS chosen, webhooks_messages AS m
    WHERE claimed.id = chosen.id AND m.id = claimed.message_id
    RETURNING claimed.id, claimed.endpoint_id, claimed.lease_token, claimed.tries, m.public_id, m.body
    """
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One try that is this process's to make; ``token`` proves it, ``secrets`` are sealed."""

    delivery_id: int
    endpoint_id: int
    user_id: int
    token: UUID
    tries: int
    message_id: str
    body: bytes
    url: str
    secrets: tuple[bytes, ...]
    failing: bool


def claim(connection: Any, *, slots: int, failing: bool, lease_seconds: float) -> list[Claimed]:
    """Lease at most ``slots`` due tries, fairly: first one of each endpoint, the longest due first.

    ``failing`` tells which endpoints are meant: those whose last try failed, or the others. Endpoints that somebody
    else claims from at this moment are passed over. The caller commits.
    """
    if slots < 1:
        return []
    share = {"at_once": AT_ONCE_FAILING if failing else AT_ONCE, "slots": slots}
    endpoints = {row.id: row for row in connection.execute(_ENDPOINTS, {**share, "failing": failing})}
    if not endpoints:
        return []
    values = {**share, "endpoints": list(endpoints), "lease_seconds": lease_seconds}
    return [_claimed(row, endpoints[row.endpoint_id]) for row in connection.execute(_CLAIM, values)]


def _claimed(row: Any, endpoint: Any) -> Claimed:
    return Claimed(
        delivery_id=row.id,
        endpoint_id=endpoint.id,
        user_id=endpoint.user_id,
        token=row.lease_token,
        tries=row.tries,
        message_id=row.public_id,
        body=bytes(row.body),
        url=endpoint.url,
        secrets=tuple(bytes(secret) for secret in (endpoint.secret, endpoint.old_secret) if secret is not None),
        failing=endpoint.failing,
    )
