"""One WebSocket: what waits for a slow reader, and how it ends. The only module that knows the library.

Events reach hundreds of sockets as the same bytes, so a frame is prepared once and written to each transport as it
is. That is sound because server frames carry no mask, compression is off and nothing here sends fragments.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Origin

from marketcore.live.channels import Match
from marketcore.live.gateway.codes import MEANINGS, Close
from marketcore.live.gateway.limits import Rate

DIRECT_BYTES = 64 * 1024  # what may stand in a transport before frames wait here
CLOSING_SECONDS = 5
PINGS_PER_SECOND = 10
NOTHING_SAID = Request("/", Headers())


def prepared(text: bytes) -> bytes:
    """Return the bytes on the wire of a text frame."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


@dataclass(frozen=True, slots=True)
class Admission:
    """A handshake that may succeed: who it is, if that is known, and the plain channel of its address."""

    identity: Any | None = None
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A handshake that is answered with an HTTP status."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a client asks for; ``address`` is the peer's, ``headers`` have lower-case names."""

    path: str
    headers: Mapping[str, str]
    address: str


class Socket:
    """A socket that takes frames without ever waiting, and is closed when its reader is too slow."""

    __slots__ = (
        "_connection",
        "_ending",
        "_settings",
        "_waiting",
        "_waiting_bytes",
        "_writer",
        "checked_at",
        "commands",
        "identity",
        "match",
        "rights",
        "snapshots",
    )

    def __init__(self, connection: ServerConnection, admission: Admission, settings: Mapping[str, Any]) -> None:
        self.identity = admission.identity
        self.match = admission.match
        self.rights = asyncio.Lock()
        self.checked_at = connection.loop.time()
        self.snapshots: dict[str, bytes] = {}  # by channel, until the socket is in
        self.commands = 0  # handed over, not answered yet
        self._connection = connection
        self._settings = settings
        self._waiting: deque[bytes] | None = None  # few sockets ever need one, and it is large
        self._waiting_bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def receive(self) -> str | bytes | None:
        """Return the next message, or ``None`` once the socket is closed."""
        try:
            return await self._connection.recv()
        except ConnectionClosed:
            return None

    def tell(self, text: bytes) -> None:
        """Send one text to this socket alone."""
        self.offer(prepared(text))

    def offer(self, frame: bytes) -> None:
        """Send a prepared frame, now or when there is room; end a socket whose frames pile up."""
        if self._ending is not None or self._connection.protocol.state is not State.OPEN:
            return
        if not self._waiting and self._has_room():
            self._connection.transport.write(frame)
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(frame)
        self._waiting_bytes += len(frame)
        too_many = len(self._waiting) > self._settings["queue_events"]
        if too_many or self._waiting_bytes > self._settings["queue_bytes"]:
            self.end(Close.SLOW)
        elif self._writer is None:
            self._writer = asyncio.create_task(self._write_waiting())

    def end(self, code: Close) -> None:
        """Close the socket with ``code``, cutting it off if the client does not answer."""
        if self._ending is None:
            self._waiting = None
            self._ending = asyncio.create_task(self._close(code))

    async def ended(self) -> None:
        """Wait for the end of a closing that has begun, so that its code is the one the client sees."""
        if self._ending is not None:
            await self._ending

    @property
    def ending(self) -> bool:
        """Whether this side has begun to close the socket."""
        return self._ending is not None

    def cut(self) -> None:
        """Drop the connection without a word."""
        self._connection.transport.abort()

    def _has_room(self) -> bool:
        return self._connection.transport.get_write_buffer_size() <= DIRECT_BYTES

    async def _write_waiting(self) -> None:
        try:
            while self._waiting:
                async with asyncio.timeout(self._settings["stuck_seconds"]):
                    await self._connection.drain()
                self._write_what_fits()
        except TimeoutError:
            self.end(Close.SLOW)
        except OSError:
            self._waiting = None
        finally:
            self._writer = None

    def _write_what_fits(self) -> None:
        if self._connection.protocol.state is not State.OPEN:
            self._waiting = None
        while self._waiting and self._has_room():
            frame = self._waiting.popleft()
            self._waiting_bytes -= len(frame)
            self._connection.transport.write(frame)

    async def _close(self, code: Close) -> None:
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._connection.close(code, MEANINGS[code])
        except TimeoutError:
            self.cut()


class _Connection(ServerConnection):
    """A connection that gives its address's place back, and is cut off when it floods us with pings."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.admission = Admission()
        self.leave: Callable[[], None] | None = None
        self._pings = Rate(PINGS_PER_SECOND)

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and event.opcode is Opcode.PING and not self._pings.take():
            self.transport.abort()
            return
        super().process_event(event)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.leave is not None:
            self.leave()


Admit = Callable[[Handshake], Awaitable[Admission | Refusal]]
Enter = Callable[[Handshake], Callable[[], None] | Refusal]


def listen(
    settings: Mapping[str, Any],
    origins: list[str],
    *,
    enter: Enter,
    admit: Admit,
    converse: Callable[[Socket], Awaitable[None]],
) -> Server:
    """Return the server, not started: ``enter`` counts, ``admit`` decides, ``converse`` holds the conversation."""
    return serve(
        partial(_handle, converse=converse, settings=settings),
        settings["host"],
        settings["port"],
        origins=[*map(Origin, origins), None],  # clients that are no browsers send none
        compression=None,
        process_request=partial(_process_request, enter=enter, admit=admit),
        server_header=None,
        open_timeout=settings["auth_seconds"],
        close_timeout=CLOSING_SECONDS,
        max_size=settings["max_size"],
        max_queue=4,
        write_limit=(DIRECT_BYTES, DIRECT_BYTES // 4),
        create_connection=_Connection,
    )


def _handle(
    connection: Any, *, converse: Callable[[Socket], Awaitable[None]], settings: Mapping[str, Any]
) -> Awaitable[None]:
    # What was said at the handshake is as large as everything else that an idle socket keeps of ours.
    connection.request, connection.response = NOTHING_SAID, None
    return converse(Socket(connection, connection.admission, settings))


async def _process_request(connection: _Connection, request: Request, *, enter: Enter, admit: Admit) -> Response | None:
    if connection.connection_lost_waiter.done():
        return connection.respond(503, "gone\n")
    handshake = Handshake(request.path.partition("?")[0], _headers(request), connection.remote_address[0])
    entered = enter(handshake)
    if isinstance(entered, Refusal):
        return _refuse(connection, entered)
    connection.leave = entered
    admission = await admit(handshake)
    if isinstance(admission, Refusal):
        return _refuse(connection, admission)
    connection.admission = admission
    return None


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.raw_items()}


def _refuse(connection: _Connection, refusal: Refusal) -> Response:
    return connection.respond(refusal.status, refusal.text + "\n")
