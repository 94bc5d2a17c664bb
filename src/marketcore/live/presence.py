"""Who listens to a channel at this moment: leases in Redis, for numbers that nobody will miss.

The live processes keep a lease for every listener of the channels that were declared with ``presence=True``, and give
it back when the socket ends; a process that dies leaves leases that run out by themselves. A program without a socket
may hold one of its own.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import redis
import structlog
from sqlalchemy import make_url

from marketcore.settings import section

log = structlog.get_logger(__name__)

LEASE = 20  # seconds; renewed by the live processes in good time
PAUSE = 2.0  # seconds without an attempt after Redis has failed

# The time is Redis's own, so that processes with other clocks count alike.
COUNT = """
    local now = redis.call('TIME')[1]
    local counts = {}
    for place, key in ipairs(KEYS) do counts[place] = redis.call('ZCOUNT', key, '(' .. now, '+inf') end
    return counts
"""
HOLD = """
    local now = tonumber(redis.call('TIME')[1])
    local lease = tonumber(ARGV[1])
    for place = 2, #ARGV do redis.call('ZADD', KEYS[1], 'GT', now + lease, ARGV[place]) end
    redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
    if redis.call('TTL', KEYS[1]) < lease then redis.call('EXPIRE', KEYS[1], lease + 1) end
"""


def viewer(user_id: int) -> str:
    """Return what a person is counted as, once over all sockets and processes."""
    return f"user {user_id}"


class Keys:
    """Where the leases of channels are; marketplaces that share a Redis do not share their listeners."""

    def __init__(self, registry: Any) -> None:
        self._namespace = make_url(section(registry, "marketcore")["database_url"]).database or "market"

    def of(self, channel: str) -> str:
        """Return the key of ``channel``."""
        return f"marketcore:live:presence:{self._namespace}:{channel}"


class Presence:
    """Counts listeners. Without Redis nothing is known, and nobody waits for it."""

    def __init__(self, redis_url: str, keys: Keys) -> None:
        self._keys = keys
        self._redis = redis.Redis.from_url(redis_url, socket_connect_timeout=0.5, socket_timeout=1, retry=None)
        self._quiet_until = 0.0

    def counts(self, channels: Sequence[str]) -> list[int] | None:
        """Return how many different people and guests listen to each of ``channels``; ``None`` if nobody knows."""
        if not channels:
            return []
        counts: list[int] | None = self._run(COUNT, [self._keys.of(channel) for channel in channels])
        return counts

    def hold(self, channel: str, user_id: int, seconds: int) -> None:
        """Count somebody as a listener for ``seconds``, socket or none."""
        self._run(HOLD, [self._keys.of(channel)], seconds, viewer(user_id))

    def let_go(self, channel: str, user_id: int) -> None:
        """Count somebody no longer, unless a live process finds a socket of theirs."""
        self._run("redis.call('ZREM', KEYS[1], ARGV[1])", [self._keys.of(channel)], viewer(user_id))

    def close(self) -> None:
        """Release the connections."""
        self._redis.close()

    def _run(self, script: str, keys: Collection[str], *arguments: Any) -> Any:
        if time.monotonic() < self._quiet_until:
            return None
        try:
            return self._redis.eval(script, len(keys), *keys, *arguments)
        except (redis.RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + PAUSE
            log.warning("live_presence_unknown", reason=type(error).__name__, remedy="check marketcore.redis_url")
            return None


def changes(told: Iterable[str], present: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return who has come and who has gone since ``told``, sorted."""
    before, now = set(told), set(present)
    return sorted(now - before), sorted(before - now)


def presence(_context: Any, request: Any) -> Presence:
    """Return the process's ``Presence``."""
    found: Presence = request.registry["live presence"]
    return found


def includeme(config: Any) -> None:
    """Add the service."""
    redis_url = section(config.registry, "marketcore")["redis_url"]
    config.registry["live presence"] = Presence(redis_url, Keys(config.registry))
    config.register_service_factory(presence, Presence)
