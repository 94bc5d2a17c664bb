"""What is said on one socket: who it is, then one answer per frame."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from marketcore.exceptions import Conflict, Invalid, Malformed, MarketError, NotFound, TooManyRequests
from marketcore.live.channels import Match
from marketcore.live.gateway import frames, rights
from marketcore.live.gateway.codes import Close
from marketcore.live.gateway.commands import Commands
from marketcore.live.gateway.entrance import NOTHING_HERE, Entrance
from marketcore.live.gateway.frames import Auth, ClientFrame, Command, Id, Ping, Subscribe, Unsubscribe
from marketcore.live.gateway.limits import Places, Rate
from marketcore.live.gateway.sockets import Socket
from marketcore.live.hub import Hub

PATIENCE = 10  # wrong frames before a socket is closed


class Conversation:
    """The conversation with one socket; ``ask`` runs a blocking question in a thread."""

    __slots__ = (
        "_ask",
        "_auth_seconds",
        "_commands",
        "_entrance",
        "_faults",
        "_heard",
        "_hub",
        "_rate",
        "_seated",
        "_socket",
        "_users",
    )

    def __init__(
        self,
        socket: Socket,
        *,
        hub: Hub[Socket],
        entrance: Entrance,
        commands: Commands,
        users: Places,
        ask: Callable[..., Awaitable[Any]],
        settings: Mapping[str, Any],
    ) -> None:
        self._socket = socket
        self._hub = hub
        self._entrance = entrance
        self._commands = commands
        self._users = users
        self._ask = ask
        self._auth_seconds = settings["auth_seconds"]
        self._rate = Rate(settings["messages_per_second"])
        self._heard = 0
        self._faults = 0
        self._seated: int | None = None

    async def hold(self) -> None:
        """Talk until the socket is closed, then leave nothing of it behind."""
        try:
            if await self._open():
                while (message := await self._socket.receive()) is not None:
                    await self._hear(message)
        finally:
            self._hub.forget(self._socket)
            if self._seated is not None:
                self._users.give_back(self._seated)
            await self._socket.ended()

    async def _open(self) -> bool:
        socket = self._socket
        if socket.identity is not None and not self._take_seat(socket.identity):
            return False
        if socket.match is None:
            return socket.identity is not None or await self._first_frame()
        if await self._join_plain(socket.match):
            return True
        ticket_may_help = socket.identity is None and await self._first_frame() and socket.identity is not None
        if ticket_may_help and await self._join_plain(socket.match):
            return True
        self._refuse(NotFound(NOTHING_HERE, channel=socket.match.name))
        socket.end(Close.NOT_FOUND)
        return False

    async def _join_plain(self, match: Match) -> bool:
        try:
            return await self._entrance.join(self._socket, match, None)
        except MarketError as refusal:
            self._refuse(refusal)
            self._socket.end(Close.INTERNAL)
            return False

    async def _first_frame(self) -> bool:
        try:
            async with asyncio.timeout(self._auth_seconds):
                message = await self._socket.receive()
        except TimeoutError:
            self._socket.end(Close.AUTH_TIMEOUT)
            return False
        if message is None:
            return False
        await self._hear(message)
        return not self._socket.ending

    async def _auth(self, frame: Auth) -> None:
        if self._heard > 1 or self._socket.identity is not None:
            self._fault(Conflict("a ticket must be the first frame of a socket without a bearer token"), frame.id)
            return
        try:
            identity = await self._ask(rights.ticket_identity, frame.ticket)
        except SQLAlchemyError:
            self._socket.end(Close.INTERNAL)
            return
        if identity is None:
            self._socket.end(Close.UNAUTHENTICATED)
        elif self._take_seat(identity):
            self._socket.identity = identity

    def _take_seat(self, identity: Any) -> bool:
        if not self._users.take(identity.user_id):
            self._socket.end(Close.TOO_MANY_SOCKETS)
            return False
        self._seated = identity.user_id
        return True

    async def _hear(self, message: str | bytes) -> None:
        self._heard += 1
        if not self._rate.take():
            self._refuse(TooManyRequests(f"at most {self._rate.per_second} frames per second"))
            self._socket.end(Close.RATE)
            return
        match self._read(message):
            case Command() as frame:
                await self._commands.obey(self._socket, frame, str(message))
            case Subscribe() as frame:
                await self._subscribe(frame)
            case Unsubscribe() as frame:
                self._unsubscribe(frame)
            case Ping() as frame:
                self._socket.tell(frames.pong(frame.id))
            case Auth() as frame:
                await self._auth(frame)

    def _read(self, message: str | bytes) -> ClientFrame | None:
        try:
            return frames.decode(message)
        except frames.Misused as error:
            self._fault(Invalid(str(error)))
        except frames.Unreadable as error:
            self._refuse(Malformed(str(error)))
            self._socket.end(Close.BAD_FRAME)
        return None

    def _fault(self, refusal: MarketError, id: Id = None) -> None:
        self._faults += 1
        self._refuse(refusal, id)
        if self._faults >= PATIENCE:
            self._socket.end(Close.BAD_FRAME)

    def _refuse(self, refusal: MarketError, id: Id = None) -> None:
        self._socket.tell(frames.error(refusal, id))

    async def _subscribe(self, frame: Subscribe) -> None:
        try:
            await self._entrance.enter(self._socket, frame.channel, frame.since)
        except MarketError as refusal:
            self._refuse(refusal, frame.id)

    def _unsubscribe(self, frame: Unsubscribe) -> None:
        if not self._hub.leave(self._socket, frame.channel):
            self._refuse(NotFound(NOTHING_HERE, channel=frame.channel), frame.id)
