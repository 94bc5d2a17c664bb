"""One event to a thousand sockets: deliveries per second, and what an idle socket costs the server's memory."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from bench import goods, processes
from bench.databases import one
from bench.measuring import DJANGO, MARKETCORE, Target, Workload
from bench.peer import FOLDER
from bench.processes import Process
from bench.socket_load import RawSocket, first_text
from bench.stage import Stage

SUBSCRIBERS = 1000
AUCTION = goods.AUCTIONS + 1
OUTSTANDING = 4  # events that may be on their way
BROADCAST = "websockets.broadcast"
TOPIC = "bench:broadcast"
STALLED_SECONDS = 20
SETTLE_SECONDS = 0.5
LEAST_SECONDS = 2.5  # of a round: the peer delivers to all about twice a second
# So many characters make an event of about 200 bytes, with what each side puts around them.
FILLER = {MARKETCORE: 74, DJANGO: 134}

Publish = Callable[[int], None]


def broadcast_server(stage: Stage) -> Process:
    """Return the bare server."""
    port = processes.free_port()
    command = [sys.executable, "-m", "bench.broadcast_server", str(port), stage.redis_url, TOPIC]
    return stage.processes.start("broadcast", command, port=port)


def publisher(stage: Stage, name: str) -> AbstractContextManager[Publish]:
    """Yield a function that has so many events published by a process of its own."""
    if name == DJANGO:
        command = [str(stage.peer.python), str(FOLDER / "publish.py"), str(AUCTION), str(FILLER[DJANGO])]
        return publishing(command, stage.peer.environment)
    if name == BROADCAST:
        return publishing(platform_publisher(stage, "redis", TOPIC, 0))
    return publishing(platform_publisher(stage, "marketcore", f"auction:{AUCTION}", FILLER[MARKETCORE]))


def platform_publisher(stage: Stage, kind: str, channel: str, filler: int) -> list[str]:
    """Return the command of ``bench.publishing``."""
    command = [sys.executable, "-m", "bench.publishing", kind, stage.market.url, stage.redis_url, channel]
    return [*command, str(filler)]


@contextmanager
def publishing(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Publish]:
    """Yield what tells the process of ``command`` how many events to publish."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
    asked = process.stdin
    assert asked is not None

    def publish(events: int) -> None:
        asked.write(f"{events}\n")
        asked.flush()

    try:
        yield publish
    finally:
        asked.close()
        process.wait(30)


def server(stage: Stage, name: str) -> Process:
    """Return the server of a side."""
    if name == BROADCAST:
        return broadcast_server(stage)
    return stage.market.live() if name == MARKETCORE else stage.peer.live()


def begin_channel(stage: Stage, channel: str) -> None:
    """Publish the first event of a channel, which tells those who listen already that its stream has begun."""
    with stage.market.connect() as connection:
        begun = one(connection, "SELECT count(*) FROM live_channels WHERE name = %s", channel)
    if not begun:
        with publishing(platform_publisher(stage, "marketcore", channel, FILLER[MARKETCORE])) as publish:
            publish(1)


def open_sockets(stage: Stage, name: str, number: int, auction: int = AUCTION) -> list[RawSocket]:
    """Return sockets that listen to an auction; marketcore's have been told where the stream stands."""
    if name == MARKETCORE:
        begin_channel(stage, f"auction:{auction}")
    port = server(stage, name).port
    sockets = [RawSocket(port, f"/ws/auction/{auction}") for _ in range(number)]
    if name == MARKETCORE:
        for socket in sockets:
            first_text(socket)
    return sockets


def deliver(sockets: Sequence[RawSocket], publish: Publish, seconds: float) -> float:
    """Return deliveries per second with a few events under way; every event reaches every socket."""
    poll = select.epoll()
    by_number = {socket.fileno(): socket for socket in sockets}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    publish(OUTSTANDING)
    published, heard = OUTSTANDING, 0
    begin = end = timely_from = timely = 0.0
    last = time.perf_counter()
    while heard < published * len(sockets):
        ready = poll.poll(1.0)
        heard += sum(by_number[number].count() for number, _event in ready)
        now = time.perf_counter()
        last = now if ready else last
        if now - last > STALLED_SECONDS:
            raise SystemExit(f"of {published} events to {len(sockets)} sockets, {heard} deliveries came")
        if not begin and heard >= OUTSTANDING * len(sockets):
            begin, timely_from, end = now, heard, now + seconds
        timely = heard if not end or now <= end else timely
        while (not end or now < end) and published - heard / len(sockets) <= OUTSTANDING - 1:
            publish(1)
            published += 1
    poll.close()
    return (timely - timely_from) / seconds


def fan_out(stage: Stage) -> Workload:
    """Return the workload of fan-out. The channel layer of the peer delivers so slowly that its rounds are long."""

    def measure(name: str, seconds: float) -> float:
        sockets = open_sockets(stage, name, SUBSCRIBERS)
        try:
            time.sleep(SETTLE_SECONDS)
            with publisher(stage, name) as publish:
                return deliver(sockets, publish, max(seconds, LEAST_SECONDS))
        finally:
            for socket in sockets:
                socket.close()
            time.sleep(SETTLE_SECONDS)

    return Workload(
        name="fan-out",
        title=f"Fan-out of a 200-byte event through Redis to {SUBSCRIBERS:,} sockets of one process",
        unit="deliveries/s",
        sides={name: partial(measure, name) for name in (MARKETCORE, DJANGO, BROADCAST)},
        targets=[
            Target("marketcore : Channels", MARKETCORE, DJANGO, at_least=40),
            Target("marketcore : bare websockets.broadcast", MARKETCORE, BROADCAST, at_least=1.0),
        ],
        check=lambda: "every event reached every socket",
        warm=False,
    )


def idle(stage: Stage) -> Workload:
    """Return the workload of memory: a fresh server, then a thousand sockets that listen to one channel."""

    def measure(name: str, _seconds: float) -> float:
        stage.market.stop("live")
        stage.processes.stop("peer-live", "broadcast")
        for socket in open_sockets(stage, name, 20):  # what the first ones cost, they cost once
            socket.close()
        time.sleep(SETTLE_SECONDS)
        before = server(stage, name).memory()
        sockets = open_sockets(stage, name, SUBSCRIBERS)
        try:
            time.sleep(SETTLE_SECONDS)
            return (server(stage, name).memory() - before) / SUBSCRIBERS / 1000
        finally:
            for socket in sockets:
                socket.close()

    return Workload(
        name="idle-socket",
        title="Memory of an idle socket that listens to one channel",
        unit="kB",
        sides={name: partial(measure, name) for name in (MARKETCORE, DJANGO, BROADCAST)},
        targets=[Target("marketcore, kB per socket", MARKETCORE, at_most=20)],
        most_rounds=3,
        warm=False,
    )


WORKLOADS = {"fan-out": fan_out, "idle-socket": idle}
