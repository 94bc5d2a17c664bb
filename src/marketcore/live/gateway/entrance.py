"""How a socket gets into a channel: its right, what the channel is about, and from where on it listens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from marketcore.exceptions import Conflict, MarketError, NotFound, Unavailable
from marketcore.live.channels import Channels, Match
from marketcore.live.gateway import frames, rights
from marketcore.live.gateway.frames import Since
from marketcore.live.gateway.sockets import Socket
from marketcore.live.gateway.streams import Streams
from marketcore.live.hub import CannotJoin, Position

NOTHING_HERE = "there is no such channel for you"


class Entrance:
    """Lets sockets into channels; ``ask`` runs a blocking question in a thread."""

    def __init__(self, channels: Channels, streams: Streams, ask: Callable[..., Awaitable[Any]]) -> None:
        self._channels = channels
        self._streams = streams
        self._ask = ask
        self._tasks: set[asyncio.Task[None]] = set()
        streams.begin_again = self._begin_again

    async def enter(self, socket: Socket, name: str, since: Since | None) -> None:
        """Let ``socket`` into the channel called ``name``; ``NotFound`` and other ``MarketError`` if it may not."""
        match = self._channels.match(name)
        if match is None or not await self.join(socket, match, since):
            raise NotFound(NOTHING_HERE, channel=name)

    async def join(self, socket: Socket, match: Match, since: Since | None) -> bool:
        """Let ``socket`` in, and return whether it may; it hears ``subscribed`` soon.

        Without ``since`` it begins at the snapshot of a channel that has one.
        """
        # Held until the socket is in: a right that ends meanwhile is then looked at with this channel among them.
        async with socket.rights:
            try:
                seen = await self._ask(rights.look_in, socket.identity, match, since is None)
                if seen is None:
                    return False
                socket.snapshots.pop(match.name, None)
                begin = Position(since.epoch, since.offset) if since else seen.position
                self._streams.join(socket, match.name, begin)
                if seen.snapshot is not None:
                    socket.snapshots[match.name] = seen.snapshot
            except CannotJoin as error:
                raise Conflict(str(error), channel=match.name) from None
            except SQLAlchemyError:
                raise Unavailable("the database does not answer: try again", channel=match.name) from None
        return True

    def _begin_again(self, socket: Socket, channel: str) -> None:
        task = asyncio.create_task(self._enter_again(socket, channel))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _enter_again(self, socket: Socket, channel: str) -> None:
        try:
            await self.enter(socket, channel, None)
        except MarketError as refusal:
            socket.tell(frames.error(refusal))
