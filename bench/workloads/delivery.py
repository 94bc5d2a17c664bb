"""How long an event is on its way: to a thousand sockets, and to two hundred beside some that never read."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from bench.measuring import MARKETCORE, Target, Workload
from bench.socket_load import Closed, RawSocket
from bench.stage import Stage
from bench.workloads.fanout import AUCTION, FILLER, SUBSCRIBERS, Publish, open_sockets, platform_publisher, publishing

PER_SECOND = 10
WARM_SECONDS = 0.5
LEAST_SECONDS = 3.0
LISTENERS, DEAF, QUIET_PER_SECOND = 200, 5, 40
BESIDE_SECONDS = 8.0
LOUD_AUCTION, LOUD_PER_SECOND, LOUD_BYTES = AUCTION + 1, 50, 30_000
CUT_OFF_SECONDS = 10  # within which whoever never reads is closed
PATIENCE = 20
READING, SILENT = "five that read", "five that never read"
_AT = b'"at":"'


def listen(sockets: Sequence[RawSocket], beats: Sequence[Beat], drained: Sequence[RawSocket] = ()) -> list[float]:
    """Return how many milliseconds each delivery of the first beat took, from before the event was written.

    What comes to ``drained`` is read and forgotten. A delivery that does not come stops the run.
    """
    poll = select.epoll()
    by_number = {socket.fileno(): socket for socket in (*sockets, *drained)}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    heard = {socket.fileno() for socket in sockets}
    waits: list[float] = []
    expected = beats[0].left * len(sockets)
    deadline = time.perf_counter() + max(beat.seconds for beat in beats) + PATIENCE
    while len(waits) < expected or any(beat.left for beat in beats):
        for number, _event in poll.poll(min(beat.strike() for beat in beats)):
            if number in heard:
                waits += [(time.perf_counter() - _since(text)) * 1000 for text in by_number[number].texts()]
            else:
                by_number[number].count()
        if time.perf_counter() > deadline:
            raise SystemExit(f"of {expected} deliveries {len(waits)} came")
    poll.close()
    return waits


class Beat:
    """Publishes so many times a second, for so many seconds; ``left`` says how often it still will."""

    def __init__(self, publish: Publish, per_second: int, seconds: float) -> None:
        self.left, self.seconds = int(per_second * seconds), seconds
        self._publish, self._step = publish, 1 / per_second
        self._due = time.perf_counter()

    def strike(self) -> float:
        """Publish what is due; return how many seconds there are until the next."""
        while self.left and self._due <= time.perf_counter():
            self._publish(1)
            self.left -= 1
            self._due += self._step
        return max(0.0, self._due - time.perf_counter()) if self.left else 0.5


def _since(text: bytes) -> float:
    start = text.index(_AT) + len(_AT)
    return float(text[start : text.index(b'"', start)])


def p99(waits: list[float]) -> float:
    """Return what 99 of 100 waits are below."""
    return sorted(waits)[len(waits) * 99 // 100]


def _told(stage: Stage, auction: int, filler: int) -> list[str]:
    return platform_publisher(stage, "timed", f"auction:{auction}", filler)


@contextmanager
def _sockets(stage: Stage, number: int, auction: int = AUCTION) -> Iterator[list[RawSocket]]:
    sockets = open_sockets(stage, MARKETCORE, number, auction)
    try:
        yield sockets
    finally:
        for socket in sockets:
            socket.close()


def thousand(stage: Stage) -> Workload:
    """Return the workload of one channel with a thousand listeners and ten events a second."""

    def measure(seconds: float) -> float:
        with _sockets(stage, SUBSCRIBERS) as sockets, publishing(_told(stage, AUCTION, FILLER[MARKETCORE])) as publish:
            listen(sockets, [Beat(publish, PER_SECOND, WARM_SECONDS)])
            return p99(listen(sockets, [Beat(publish, PER_SECOND, max(seconds, LEAST_SECONDS))]))

    return Workload(
        name="delivery",
        title=f"An event, from before it is written to each of {SUBSCRIBERS:,} sockets, {PER_SECOND} events/s",
        unit="ms",
        sides={MARKETCORE: measure},
        targets=[Target("marketcore, p99 in ms, none lost", MARKETCORE, at_most=500)],
        check=lambda: "every event reached every socket",
        warm=False,
    )


def deaf(stage: Stage) -> Workload:
    """Return the workload of listeners beside others that hear much, and read it or never do."""

    def beside(others_read: bool) -> Callable[[float], float]:
        return lambda _seconds: _beside(stage, others_read)

    return Workload(
        name="deaf",
        title=f"An event to {LISTENERS} sockets beside five to which 1.5 MB/s are sent, p99",
        unit="ms",
        sides={SILENT: beside(False), READING: beside(True)},
        targets=[Target("five that never read : five that read", SILENT, READING, at_most=1.5)],
        check=lambda: f"none lost, and whoever never read was closed within {CUT_OFF_SECONDS} s",
        most_rounds=3,
        warm=False,
    )


def _beside(stage: Stage, others_read: bool) -> float:
    with ExitStack() as stack:
        sockets = stack.enter_context(_sockets(stage, LISTENERS))
        others = stack.enter_context(_sockets(stage, DEAF, LOUD_AUCTION))
        publish = stack.enter_context(publishing(_told(stage, AUCTION, FILLER[MARKETCORE])))
        loudly = stack.enter_context(publishing(_told(stage, LOUD_AUCTION, LOUD_BYTES)))
        listen(sockets, [Beat(publish, QUIET_PER_SECOND, WARM_SECONDS)])
        beats = [Beat(publish, QUIET_PER_SECOND, BESIDE_SECONDS), Beat(loudly, LOUD_PER_SECOND, BESIDE_SECONDS)]
        waits = listen(sockets, beats, others if others_read else ())
        if not others_read:
            for socket in others:
                _require_closed(socket)
        return p99(waits)


def _require_closed(silent: RawSocket) -> None:
    """Stop the run unless the server has closed the socket; what it said last may have stood in line."""
    silent.socket.settimeout(CUT_OFF_SECONDS - BESIDE_SECONDS)
    try:
        while True:
            silent.count()
    except (Closed, ConnectionError):
        return
    except TimeoutError:
        raise SystemExit(f"a socket that never read was not closed within {CUT_OFF_SECONDS} s") from None


WORKLOADS = {"delivery": thousand, "deaf": deaf}
