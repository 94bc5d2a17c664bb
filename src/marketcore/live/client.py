"""A synchronous client of the live process that comes back by itself.

``LiveClient`` hears each event of its channels once and in order, however often the connection breaks, as the
browser's ``marketcore-live.js`` does. Use one client in one thread.
"""

from __future__ import annotations

import json
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any, Self

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from marketcore.live.gateway.codes import MEANINGS, REFUSALS, Close
from marketcore.live.gateway.limits import Rate
from marketcore.live.listener import Frame, Listener, StreamLost, place, without

__all__ = ["Connection", "Ended", "LiveClient", "Refused", "StreamLost", "Unanswered"]

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY = 5.0  # seconds after which a connection that ends was a good one
PACE = 15  # frames per second; the gateway's own limit is 20 unless it is set otherwise
AT_ONCE = {Close.GOING_AWAY, Close.SLOW, Close.UNAUTHENTICATED}
FOR_GOOD = {Close.FORBIDDEN, Close.NOT_FOUND, 403, 404}
LATER = 503  # the one refusal of a channel that is worth another try
NOBODY = (None, None)


class Refused(Exception):
    """The marketplace refused; ``problem`` is the problem document that HTTP would have answered."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.problem = problem


class Unanswered(Exception):
    """No answer came to a command. With ``sent`` it may have been carried out: look before doing it again."""

    def __init__(self, name: str, reason: str, sent: bool) -> None:
        super().__init__(f"{name}: {reason}; {'it may have been carried out' if sent else 'it was not sent'}")
        self.sent = sent


class Ended(Exception):
    """The marketplace will not have this client back: ``code`` is the close code, or HTTP status, that said so."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{REFUSALS[code] if code in REFUSALS else MEANINGS[Close(code)]} ({code})")
        self.code = code


class Connection:
    """One socket and the frames on it; it neither comes back nor knows what the frames mean."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        ticket: str | None = None,
        path: str = "/",
        *,
        origin: str | None = None,
        timeout: float = 10,
    ) -> None:
        opening = connect(
            url.rstrip("/") + path,
            additional_headers={"Authorization": f"Bearer {token}"} if token else {},
            origin=origin,  # type: ignore[arg-type]
            compression=None,
            proxy=None,
            open_timeout=timeout,
            close_timeout=1,
            max_size=None,
        )
        self.timeout = timeout
        self._closing = ExitStack()
        self.connection = self._closing.enter_context(opening)
        if ticket is not None:
            self.send(op="auth", ticket=ticket)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._closing.close()

    def send(self, **frame: Any) -> None:
        """Send one frame."""
        self.connection.send(json.dumps(frame))

    def receive(self, timeout: float | None = None) -> Frame:
        """Return the next frame; ``TimeoutError``, or websockets' ``ConnectionClosed``."""
        frame: Frame = json.loads(self.connection.recv(self.timeout if timeout is None else timeout))
        return frame


class LiveClient:
    """A live connection to ``url`` that is opened when it is needed, and again whenever it breaks.

    ``token`` is an access token; ``ticket`` answers a ticket of ``POST /api/v1/live/tickets``. A function is asked at
    each connection, so that the client outlives what it answers. With neither there are public channels only.
    ``timeout`` is how many seconds a call may take. ``Ended`` is raised when coming back makes no sense. ``on_signal``
    is called with each signal, ``{"channel", "type", "data"}``, while another call waits.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | Callable[[], str] | None = None,
        ticket: Callable[[], str | None] | None = None,
        timeout: float = 10,
        on_signal: Callable[[Frame], None] | None = None,
    ) -> None:
        self._url = url
        self._on_signal = on_signal
        self._token = token
        self._ticket = ticket
        self._timeout = timeout
        self._listeners: dict[str, Listener] = {}
        self._ready: deque[Frame | Exception] = deque()
        self._asked: dict[int, Listener | None] = {}
        self._ids = 0
        self._awaited: int | None = None
        self._answer: Frame | None = None
        self._connection: Connection | None = None
        self._proved: Connection | None = None
        self._shown: tuple[str | None, str | None] = NOBODY
        self._unwelcome: tuple[str | None, str | None] | None = None
        self._rate = Rate(PACE)
        self._failures = 0
        self._opened_at = self._not_before = 0.0
        self._reason = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        self._asked.clear()
        for listener in self._listeners.values():
            listener.part()
        if connection is not None:
            connection.close()

    def subscribe(self, channel: str, since: Mapping[str, Any] | None = None) -> Frame:
        """Listen to ``channel`` after ``since``, a document's ``stream`` or the last event; ``Refused`` if not allowed.

        Return ``{"channel", "epoch", "offset", "recovered"}``, and the ``snapshot`` that the events continue if there
        is one. ``recovered`` means that all events after ``since`` come from ``next_event``.
        """
        deadline = self._deadline()
        before = self._listeners.get(channel)
        listener = Listener(channel, place(since) if since else None, asked=before is not None and before.asked)
        self._ready = deque(without(channel, self._ready))
        self._listeners[channel] = listener
        try:
            self._join(listener, deadline)
        except BaseException:
            self._leave(listener)
            raise
        return listener.begun or {}

    def unsubscribe(self, channel: str) -> None:
        """Stop listening to ``channel``: ``next_event`` returns none of it any more."""
        if channel not in self._listeners:
            raise LookupError(f"you do not listen to {channel}")
        self._leave(self._listeners[channel])
        self._ready = deque(without(channel, self._ready))

    def next_event(self, timeout: float | None = None) -> Frame:
        """Return the next event, ``{"channel", "epoch", "offset", "type", "data", "at"}``.

        ``TimeoutError`` if none comes; ``StreamLost``, or ``Refused`` for a channel that may not be listened to any
        more. After either the other channels go on.
        """
        deadline = self._deadline(timeout)
        while not self._ready:
            self._hear_one(deadline)
        item = self._ready.popleft()
        if isinstance(item, Exception):
            raise item
        return item

    def command(self, name: str, data: Mapping[str, Any], timeout: float | None = None) -> Frame:
        """Send a command once and return the data of its reply; ``Refused`` or ``Unanswered``."""
        deadline = self._deadline(timeout)
        try:
            connection = self._proved_connection(deadline)
        except TimeoutError as late:
            raise Unanswered(name, str(late), sent=False) from None
        self._ids += 1
        self._awaited, self._answer = self._ids, None
        self._send(op="command", id=self._ids, name=name, data=dict(data))
        answer = self._wait_for_answer(name, connection, deadline)
        if answer["op"] == "error":
            raise Refused(answer["problem"])
        reply: Frame = answer["data"]
        return reply

    def _wait_for_answer(self, name: str, connection: Connection, deadline: float) -> Frame:
        try:
            while self._answer is None and self._connection is connection:
                self._hear_one(deadline)
        except TimeoutError:
            raise Unanswered(name, "no answer came in time", sent=True) from None
        finally:
            self._awaited = None
        if self._answer is None:
            raise Unanswered(name, "the connection broke", sent=True)
        return self._answer

    def _deadline(self, timeout: float | None = None) -> float:
        return time.monotonic() + (self._timeout if timeout is None else timeout)

    def _connected(self, deadline: float) -> Connection:
        while self._connection is None:
            self._rest(deadline)
            self._connect(deadline)
        return self._connection

    def _proved_connection(self, deadline: float) -> Connection:
        """Return a connection on which the gateway has spoken: what is sent before may meet a closed door."""
        while (connection := self._connected(deadline)) is not self._proved:
            self._hear_one(deadline)
        return connection

    def _rest(self, deadline: float) -> None:
        time.sleep(max(0.0, min(self._not_before, deadline) - time.monotonic()))
        if deadline < self._not_before:
            raise TimeoutError(f"there is no connection to {self._url}: {self._reason}")

    def _connect(self, deadline: float) -> None:
        self._shown = self._credentials()
        if self._unwelcome is not None and self._shown in (self._unwelcome, NOBODY):
            raise Ended(Close.UNAUTHENTICATED)
        patience = max(0.1, min(self._timeout, deadline - time.monotonic()))
        try:
            self._connection = Connection(self._url, *self._shown, timeout=patience)
        except InvalidStatus as refusal:
            self._broken(refusal.response.status_code)
        except (OSError, EOFError, InvalidHandshake, ConnectionClosed) as failure:
            self._broken(None, str(failure))
        else:
            self._greet()

    def _credentials(self) -> tuple[str | None, str | None]:
        token = self._token() if callable(self._token) else self._token
        return token, self._ticket() if self._ticket is not None else None

    def _greet(self) -> None:
        self._opened_at = time.monotonic()
        self._rate = Rate(self._rate.per_second)
        self._send(op="ping")  # a gateway wants a first frame soon
        for listener in self._listeners.values():
            self._ask_for(listener)

    def _broken(self, code: int | None, reason: str = "the connection broke") -> None:
        steady = self._connection is not None and time.monotonic() - self._opened_at > STEADY
        self.close()
        if code in FOR_GOOD:
            raise Ended(code)
        if code in {401, Close.UNAUTHENTICATED}:
            self._unwelcome, code = self._shown, Close.UNAUTHENTICATED
        if code == Close.RATE:
            self._rate = Rate(max(1, self._rate.per_second / 2))
        self._reason = f"{reason} ({code})" if code else reason
        self._failures = 0 if steady else self._failures
        at_once = code in AT_ONCE and not self._failures
        pause = 0.2 if at_once else min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._failures)
        self._not_before = time.monotonic() + pause * random.uniform(0.5, 1)  # noqa: S311 - not a secret
        self._failures = max(self._failures + 1, 5 if code == Close.TOO_MANY_SOCKETS else 0)

    def _join(self, listener: Listener, deadline: float) -> None:
        was_connected = self._connection is not None
        self._connected(deadline)
        if was_connected:
            self._ask_for(listener)
        while listener.begun is None:
            if listener.refusal is not None:
                raise listener.refusal
            self._hear_one(deadline)

    def _leave(self, listener: Listener) -> None:
        if self._listeners.get(listener.channel) is not listener:
            return
        del self._listeners[listener.channel]
        if listener.asked:
            self._ask(None, op="unsubscribe", channel=listener.channel)

    def _ask_for(self, listener: Listener) -> None:
        if listener.asked:
            self._ask(None, op="unsubscribe", channel=listener.channel)
        listener.asked = True
        since = {} if listener.position is None else {"since": listener.position}
        self._ask(listener, op="subscribe", channel=listener.channel, **since)

    def _ask(self, listener: Listener | None, **frame: Any) -> None:
        self._ids += 1
        self._asked[self._ids] = listener
        self._send(id=self._ids, **frame)

    def _send(self, **frame: Any) -> None:
        while not self._rate.take():
            time.sleep(1 / self._rate.per_second)
        if self._connection is not None:
            with suppress(ConnectionClosed):  # the next frame that is waited for tells it
                self._connection.send(**frame)

    def _hear_one(self, deadline: float) -> None:
        connection = self._connected(deadline)
        try:
            frame = connection.receive(max(0.0, deadline - time.monotonic()))
        except ConnectionClosed as closed:
            self._broken(closed.rcvd.code if closed.rcvd else None)
            return
        self._proved, self._unwelcome = connection, None
        listener = self._listeners.get(frame.get("channel", ""))
        if frame["op"] in {"reply", "error"} and frame.get("id") == self._awaited is not None:
            self._answer = frame
        elif frame["op"] == "error":
            self._refused(frame.get("id"), frame["problem"])
        elif frame["op"] == "signal":
            if listener is not None and self._on_signal is not None:
                self._on_signal({key: frame[key] for key in ("channel", "type", "data")})
        elif listener is not None:
            self._hear(listener, frame)

    def _hear(self, listener: Listener, frame: Frame) -> None:
        counts = listener.joined or frame["op"] == "subscribed"
        self._ready += listener.begin(frame) if frame["op"] == "subscribed" else listener.take(frame)
        if counts and not listener.joined:
            self._repair(listener)

    def _repair(self, listener: Listener) -> None:
        """Ask again from what was heard last; what did not help is not repeated without a pause."""
        listener.faults += 1
        if listener.faults > 1:
            self._broken(None, f"{listener.channel} was not continued")
        else:
            self._ask_for(listener)

    def _refused(self, id: int | None, problem: Mapping[str, Any]) -> None:
        listener = self._asked[id] if id in self._asked else self._listeners.get(problem.get("channel", ""))
        if listener is None or self._listeners.get(listener.channel) is not listener:
            return
        if problem["status"] == LATER:
            listener.faults += 1
            self._repair(listener)
            return
        del self._listeners[listener.channel]
        listener.refusal = Refused(problem)
        if listener.begun is not None:
            self._ready.append(listener.refusal)
