"""A load generator for HTTP that costs the machine little: one epoll loop over keep-alive connections.

Requests are bytes made by the caller. Of an answer only the status and the length are read, unless it is refused.
Each connection has one request outstanding (no pipelining).
"""

from __future__ import annotations

import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

DRAIN_SECONDS = 30
WARM_SECONDS = 0.2  # at the beginning of a round, not counted
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"

Request = Callable[[int], bytes | None]


@dataclass
class Outcome:
    """What came of a round: counts of statuses within its time, and of all; latencies in seconds, of all."""

    seconds: float
    timely: Counter[int] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    refusal: bytes = b""

    @property
    def accepted(self) -> int:
        """How many requests were answered with 2xx, also after time was up."""
        return _accepted(self.statuses)

    @property
    def rate(self) -> float:
        """Accepted requests per second."""
        return _accepted(self.timely) / self.seconds

    def require(self, *allowed: int) -> Outcome:
        """Stop the measurement at any status other than 2xx and ``allowed``; at nothing accepted, too."""
        wrong = {status for status in self.statuses if status // 100 != 2 and status not in allowed}
        if wrong or not self.accepted:
            raise SystemExit(f"answers were {dict(self.statuses)}, for example: {self.refusal[:600].decode()}")
        return self


def _accepted(statuses: Mapping[int, int]) -> int:
    return sum(count for status, count in statuses.items() if status // 100 == 2)


def request_bytes(method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
    """Return a request ready to be sent."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


class _Connection:
    __slots__ = ("buffer", "sent_at", "slot", "socket")

    def __init__(self, port: int, slot: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.slot = slot
        self.buffer = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """Return the whole answer once it is there."""
        piece = self.socket.recv(262_144)
        if not piece:
            raise SystemExit(f"a server closed its connection after {self.buffer[:300]!r}")
        self.buffer = self.buffer + piece if self.buffer else piece
        head = self.buffer.find(_END_OF_HEAD)
        if head < 0 or len(self.buffer) < head + 4 + _length(self.buffer[:head]):
            return None
        answer, self.buffer = self.buffer, b""
        return answer


def _length(head: bytes) -> int:
    folded = head.lower()
    start = folded.find(_LENGTH)
    if start < 0:
        if folded.startswith(b"http/1.1 204"):
            return 0
        raise SystemExit(f"an answer without a Content-Length cannot be measured: {head!r}")
    start += len(_LENGTH)
    end = folded.find(b"\r\n", start)
    return int(folded[start : end if end > 0 else None])


def drive(ports: Sequence[int], connections: int, next_request: Request, seconds: float) -> Outcome:
    """Keep ``connections``, spread evenly over ``ports``, busy for ``seconds``.

    ``next_request(slot)`` makes the next request of a connection; ``None`` ends that connection's work.
    """
    opened = [_Connection(ports[slot % len(ports)], slot) for slot in range(connections)]
    outcome = Outcome(seconds)
    try:
        _drive(opened, next_request, outcome)
    finally:
        for connection in opened:
            connection.socket.close()
    return outcome


def _drive(opened: Sequence[_Connection], next_request: Request, outcome: Outcome) -> None:
    poll = select.epoll()
    by_number = {connection.socket.fileno(): connection for connection in opened}
    begin = time.perf_counter() + WARM_SECONDS
    end = begin + outcome.seconds
    busy = 0
    for number, connection in by_number.items():
        if (request := next_request(connection.slot)) is not None:
            poll.register(number, select.EPOLLIN)
            connection.send(request)
            busy += 1
    while busy:
        ready = poll.poll(1.0)
        now = time.perf_counter()
        if now > end + DRAIN_SECONDS:
            raise SystemExit(f"{busy} requests were not answered within {DRAIN_SECONDS} s")
        for number, _event in ready:
            connection = by_number[number]
            answer = connection.receive()
            if answer is None:
                continue
            _note(outcome, answer, connection, begin, end)
            request = next_request(connection.slot) if now < end else None
            if request is None:
                busy -= 1
            else:
                connection.send(request)
    poll.close()


def _note(outcome: Outcome, answer: bytes, connection: _Connection, begin: float, end: float) -> None:
    now = time.perf_counter()
    status = int(answer[9:12])
    outcome.statuses[status] += 1
    if begin <= now <= end:
        outcome.timely[status] += 1
    if status >= 300:
        outcome.refusal = answer
    outcome.latencies.append(now - connection.sent_at)
