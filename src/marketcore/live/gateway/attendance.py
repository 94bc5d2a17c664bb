"""Tells Redis who listens to the channels whose listeners are counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from uuid import uuid4

import structlog
from redis import asyncio as redis
from redis.exceptions import RedisError

from marketcore.live.gateway.sockets import Socket
from marketcore.live.hub import Hub
from marketcore.live.presence import HOLD, LEASE, PAUSE, Keys, changes, viewer

log = structlog.get_logger(__name__)

STEP = 0.5  # seconds between two looks
RENEWAL = LEASE / 4  # seconds after which everybody is told again


class Attendance:
    """Looks at the ``hub`` and keeps the leases; ``counted`` says of which channels."""

    def __init__(self, hub: Hub[Socket], counted: Callable[[str], bool], url: str, keys: Keys) -> None:
        self._hub = hub
        self._counted = lru_cache(maxsize=65_536)(counted)
        self._url = url
        self._keys = keys
        self._told: dict[str, set[str]] = {}
        self._renewed_at = float("-inf")
        self._tag = uuid4().hex[:12]
        self._failing = False

    async def run(self) -> None:
        """Tell who has come and gone, for ever, and everybody now and then."""
        async with redis.Redis.from_url(self._url, socket_connect_timeout=2, socket_timeout=2) as client:
            while True:
                await asyncio.sleep(STEP)
                try:
                    await self._tell(client)
                    self._failing = False
                except (RedisError, OSError) as error:
                    self._fail(error)
                    await asyncio.sleep(PAUSE)

    def _fail(self, error: Exception) -> None:
        self._renewed_at = float("-inf")
        if not self._failing:
            self._failing = True
            log.warning("live_presence_not_told", reason=type(error).__name__, remedy="check marketcore.redis_url")

    async def _tell(self, client: Any) -> None:
        now = asyncio.get_running_loop().time()
        renewing = now - self._renewed_at >= RENEWAL
        present = self._present()
        for channel in sorted(present.keys() | self._told.keys()):
            here = present.get(channel, set())
            come, gone = changes(self._told.get(channel, set()), here)
            if holding := sorted(here) if renewing else come:
                await client.eval(HOLD, 1, self._keys.of(channel), LEASE, *holding)
            if gone:
                await client.zrem(self._keys.of(channel), *gone)
        self._told = present
        if renewing:
            self._renewed_at = now

    def _present(self) -> dict[str, set[str]]:
        listening = ((name, self._hub.members_of(name)) for name in self._hub.channels() if self._counted(name))
        return {name: {self._name(socket) for socket in sockets} for name, sockets in listening}

    def _name(self, socket: Socket) -> str:
        return viewer(socket.identity.user_id) if socket.identity else f"{self._tag} {id(socket)}"
