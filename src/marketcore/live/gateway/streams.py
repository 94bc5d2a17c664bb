"""The hub's driver: it brings hints and database reads to the hub, and what the hub decides to the sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from marketcore.live.gateway.frames import subscribed
from marketcore.live.gateway.sockets import Socket, prepared
from marketcore.live.hub import Deliver, Event, Hub, Joined, Position, Read, Renewed, Stream

log = structlog.get_logger(__name__)

PAUSE = 0.5  # seconds after the database did not answer

Action = Deliver[Socket] | Joined[Socket] | Renewed[Socket]


class Streams:
    """All channels of this process; ``read`` asks the database, one flight at a time.

    ``has_snapshot`` says of which channels there is one; a socket that comes back to such a channel too late is
    handed to ``begin_again``.
    """

    def __init__(
        self,
        hub: Hub[Socket],
        read: Callable[[list[Read]], Awaitable[dict[Read, Stream]]],
        poll_seconds: float,
        *,
        has_snapshot: Callable[[str], bool],
    ) -> None:
        self.hub = hub
        self._has_snapshot = has_snapshot
        self._read = read
        self._poll_seconds = poll_seconds
        self.begin_again: Callable[[Socket, str], object] = hub.leave
        self._wake = asyncio.Event()

    def join(self, socket: Socket, channel: str, since: Position | None) -> None:
        """Let ``socket`` into ``channel``; it hears ``subscribed`` soon. ``CannotJoin`` if it may not."""
        self.hub.join(socket, channel, since)
        self._wake.set()

    def hint(self, event: Event) -> None:
        """Take an event from Redis."""
        self._perform(self.hub.hint(event))
        if self.hub.due:
            self._wake.set()

    def signal(self, channel: str, frame: bytes) -> None:
        """Pass a signal on to whoever listens now."""
        if members := self.hub.members_of(channel):
            told = prepared(frame)
            for socket in members:
                socket.offer(told)

    def suspect_all(self) -> None:
        """Look for lost hints in every channel."""
        self.hub.suspect_all()
        self._wake.set()

    async def poll(self) -> None:
        """Look for lost hints every few seconds, for ever."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            self.suspect_all()

    async def read(self) -> None:
        """Answer the hub's reads, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self.hub.due:
                await self._read_once()

    async def _read_once(self) -> None:
        reads = self.hub.take_reads()
        try:
            answers = await self._read(reads)
        except SQLAlchemyError as error:
            log.warning("live_read_failed", reason=type(error).__name__, channels=len(reads))
            self.hub.give_up(reads)
            await asyncio.sleep(PAUSE)
            return
        self._perform(self.hub.apply(answers))

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Deliver(event, members):
                    frame = prepared(event.frame)
                    for socket in members:
                        socket.offer(frame)
                case Joined():
                    self._welcome(action)
                case Renewed(channel, position, recovered, members):
                    frame = prepared(subscribed(channel, position, recovered))
                    for socket in members:
                        socket.offer(frame)

    def _welcome(self, joined: Joined[Socket]) -> None:
        socket, channel = joined.member, joined.channel
        snapshot = socket.snapshots.pop(channel, None)
        if snapshot is None and not joined.recovered and self._has_snapshot(channel):
            self.hub.leave(socket, channel)
            self.begin_again(socket, channel)
            return
        # A snapshot that the stream has run away from would be followed by a gap: the client loads the resource.
        told = snapshot if joined.recovered else None
        socket.tell(subscribed(channel, joined.position, joined.recovered, joined.events, told))
