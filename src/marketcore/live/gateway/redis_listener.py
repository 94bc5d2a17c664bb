"""Hints from Redis, for as long as the process lives and whether or not Redis is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from marketcore.live.hints import CONTROL, EVENTS, SEPARATOR, SIGNALS, decode_event, decode_revocation, decode_signal
from marketcore.live.hub import Event

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 5.0


class RedisListener:
    """Calls ``on_event``, ``on_signal`` and ``on_revocation`` with what arrives, ``on_connected`` after every gap."""

    def __init__(
        self,
        url: str,
        *,
        on_event: Callable[[Event], None],
        on_signal: Callable[[str, bytes], None],
        on_revocation: Callable[[int], None],
        on_connected: Callable[[], None],
    ) -> None:
        self._url = url
        self._on_event = on_event
        self._on_signal = on_signal
        self._on_revocation = on_revocation
        self._on_connected = on_connected
        self._pause = 0.0

    async def run(self) -> None:
        """Listen for ever, connecting again whenever Redis goes away."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError) as error:
                if not self._pause:
                    log.warning("live_redis_lost", reason=str(error), remedy="check marketcore.redis_url; polling")
                self._pause = min(LONGEST_PAUSE, self._pause * 2 or 0.2)
                await asyncio.sleep(self._pause)

    async def _listen(self) -> None:
        # No retries inside the library: every new connection begins here, with on_connected.
        retry = Retry(NoBackoff(), 0)
        async with (
            redis.Redis.from_url(self._url, socket_connect_timeout=2, retry=retry) as client,
            client.pubsub() as messages,
        ):
            await _undisturbed(messages.subscribe(EVENTS, SIGNALS, CONTROL))
            async for message in messages.listen():
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self._pause = 0.0
            self._on_connected()
            return
        for hint in message["data"].split(SEPARATOR):
            try:
                self._take_hint(message["channel"], hint)
            except ValueError as error:
                log.warning("live_hint_not_understood", reason=str(error))

    def _take_hint(self, topic: bytes, hint: bytes) -> None:
        if topic == EVENTS.encode():
            self._on_event(decode_event(hint))
        elif topic == SIGNALS.encode():
            self._on_signal(*decode_signal(hint))
        elif (user_id := decode_revocation(hint)) is not None:
            self._on_revocation(user_id)


async def _undisturbed(connecting: Coroutine[Any, Any, Any]) -> None:
    # The library loses its socket, or the cancellation, when it is cancelled while it connects.
    task = asyncio.create_task(connecting)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
