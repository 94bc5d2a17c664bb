"""Bids over WebSockets: sixty-four sockets with one bid outstanding each, which all hear what the others do."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from bench.bidding import BIDDERS, HOT, Amounts, Book
from bench.limits import bids_by_pgbench
from bench.measuring import DJANGO, MARKETCORE, Target, Workload
from bench.socket_load import RawSocket
from bench.stage import Stage
from bench.workloads.bids_http import PGBENCH

SOCKETS = 64
SECOND_AUCTION = 101  # where the sixty-four auctions begin
DRAIN_SECONDS = 30
WARM_SECONDS = 0.2

Frame = Callable[[int, int, int], bytes]


def market_frame(auction_id: int, number: int, minor: int) -> bytes:
    """Return the command that bids."""
    return (
        b'{"op": "command", "id": %d, "name": "auctions.place_bid", "data": {"auction_id": %d, "maximum": '
        b'{"amount": "%d.%02d", "currency": "KES"}}}' % (number, auction_id, *divmod(minor, 100))
    )


def peer_frame(_auction_id: int, number: int, minor: int) -> bytes:
    """Return the message that bids on the auction of the socket."""
    return b'{"id": %d, "amount": "%d.%02d"}' % (number, *divmod(minor, 100))


@dataclass
class Answers:
    """What came back: replies within the time and altogether, refusals, and what others' bids brought."""

    timely: int = 0
    replies: int = 0
    refusals: int = 0
    events: int = 0
    latencies: list[float] = field(default_factory=list)
    refusal: bytes = b""


class Bidding:
    """Sockets that bid; ``auctions[slot]`` is where each socket does."""

    def __init__(self, sockets: Sequence[RawSocket], auctions: Sequence[int], frame: Frame, amounts: Amounts) -> None:
        self._sockets = {socket.fileno(): socket for socket in sockets}
        self._auctions, self._frame, self._amounts = auctions, frame, amounts
        self._sent_at = [0.0] * len(sockets)
        self._number = 0
        self._begin = self._end = 0.0
        self.answers = Answers()

    def run(self, seconds: float) -> float:
        """Return accepted bids per second."""
        self._begin = time.perf_counter() + WARM_SECONDS
        self._end = self._begin + seconds
        poll = select.epoll()
        for number, socket in self._sockets.items():
            poll.register(number, select.EPOLLIN)
            self._bid(socket)
        outstanding = len(self._sockets)
        while outstanding:
            if time.perf_counter() > self._end + DRAIN_SECONDS:
                raise SystemExit(f"{outstanding} bids were not answered within {DRAIN_SECONDS} s")
            for number, _event in poll.poll(1.0):
                for text in self._sockets[number].texts():
                    outstanding -= self._hear(self._sockets[number], text)
        poll.close()
        return self.answers.timely / seconds

    def _bid(self, socket: RawSocket) -> None:
        self._number += 1
        auction_id = self._auctions[socket.slot]
        self._sent_at[socket.slot] = time.perf_counter()
        socket.send(self._frame(auction_id, self._number, self._amounts.higher(auction_id)))

    def _hear(self, socket: RawSocket, text: bytes) -> int:
        """Count what was said and bid again while there is time; return how many bids are no longer outstanding."""
        head = text[:20]
        if b'"reply"' not in head and b'"error"' not in head:
            self.answers.events += 1
            return 0
        now = time.perf_counter()
        self._count(now, text, b'"reply"' in head)
        self.answers.latencies.append(now - self._sent_at[socket.slot])
        if now >= self._end:
            return 1
        self._bid(socket)
        return 0

    def _count(self, now: float, text: bytes, accepted: bool) -> None:
        if not accepted:
            self.answers.refusals += 1
            self.answers.refusal = text
            return
        self.answers.replies += 1
        if self._begin <= now <= self._end:
            self.answers.timely += 1


def market_sockets(stage: Stage, auctions: Sequence[int]) -> list[RawSocket]:
    """Return sockets of as many bidders, each watching its auction."""
    port = stage.market.live().port
    return [
        RawSocket(port, f"/ws/auction/{auction_id}", stage.market.bearer(BIDDERS[slot]), slot)
        for slot, auction_id in enumerate(auctions)
    ]


def peer_sockets(stage: Stage, auctions: Sequence[int]) -> list[RawSocket]:
    """Return sockets of as many bidders, each watching its auction."""
    port = stage.peer.live().port
    return [
        RawSocket(port, f"/ws/auction/{auction_id}?token={stage.peer.token(BIDDERS[slot])}", {}, slot)
        for slot, auction_id in enumerate(auctions)
    ]


def bids(hot: bool, stage: Stage) -> Workload:
    """Return the workload of bids over sockets; afterwards the database has to hold what was accepted."""
    book = Book(stage)
    auctions = [HOT] * SOCKETS if hot else list(range(SECOND_AUCTION, SECOND_AUCTION + SOCKETS))
    opening = {MARKETCORE: market_sockets, DJANGO: peer_sockets}
    frames: dict[str, Frame] = {MARKETCORE: market_frame, DJANGO: peer_frame}
    amounts = {name: book.amounts(name) for name in opening}

    def measure(name: str, seconds: float) -> float:
        sockets = opening[name](stage, auctions)
        try:
            bidding = Bidding(sockets, auctions, frames[name], amounts[name])
            rate = bidding.run(seconds)
        finally:
            for socket in sockets:
                socket.close()
        book.accepted[name] += bidding.answers.replies
        if not bidding.answers.replies:
            raise SystemExit(f"{name} accepts nothing: {bidding.answers.refusal!r}")
        return rate

    sides: dict[str, Callable[[float], float]] = {name: partial(measure, name) for name in opening}
    targets = [Target("marketcore : daphne", MARKETCORE, DJANGO, at_least=100 if hot else 40)]
    if hot:
        sides[PGBENCH] = lambda seconds: bids_by_pgbench(stage, hot, seconds)
        targets.append(Target("marketcore : pgbench, one statement per bid", MARKETCORE, PGBENCH, at_least=1))
    return Workload(
        name="bid-ws-hot" if hot else "bid-ws-64",
        title=f"Bid over WebSocket, {SOCKETS} sockets, {'one hot auction' if hot else f'{SOCKETS} auctions'}",
        unit="accepted/s",
        sides=sides,
        targets=targets,
        check=book.check,
    )


WORKLOADS = {"bid-ws-hot": partial(bids, True), "bid-ws-64": partial(bids, False)}
