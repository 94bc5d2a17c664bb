"""The Redis channel on which processes hear at once what they would otherwise notice a little later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from marketcore.web.json import dumps

CHANNEL = "marketcore:control"


class ControlChannel:
    """Publishes hints. Nothing depends on one: every process checks for itself as well."""

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._redis: Redis | None = None

    def publish(self, hint: Mapping[str, Any]) -> None:
        """Send ``hint`` to every process that listens; an error of Redis is the caller's to log."""
        if self._redis is None:
            self._redis = Redis.from_url(
                self._redis_url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
            )
        self._redis.publish(CHANNEL, dumps(hint))
