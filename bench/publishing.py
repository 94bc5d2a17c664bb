"""Publishes live events on demand, in a process of its own.

``python -m bench.publishing KIND URL REDIS_URL CHANNEL FILLER``: each line of standard input is how many events to
publish now; ``marketcore`` writes them to the database first, one transaction each, as the platform does, ``timed``
does so with events that say since when they are on their way, while ``redis`` only sends the text. ``FILLER`` is how
many characters an event of the platform carries besides.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import redis
from sqlalchemy import Engine

from marketcore.db.session import make_engine
from marketcore.db.together import execute_together
from marketcore.live.publisher import EventBatch, LiveEvent
from marketcore.live.sender import Sender


def tell(engine: Engine, sender: Sender, event: LiveEvent) -> None:
    """Publish one event as the platform does: written, committed, then hinted at."""
    batch = EventBatch([event])
    with engine.connect() as connection:
        (rows,) = execute_together(connection, (batch.statement, batch.parameters), commit=True)
    sender.send(batch.hints(rows))


def by_marketcore(url: str, redis_url: str, channel: str, filler: int) -> Callable[[], None]:
    """Return what publishes one event: written, committed, then told."""
    engine, sender = make_engine(url, pool_size=1), Sender(redis_url)
    event = LiveEvent(channel, "auction.bid", f'{{"price":"{"7" * filler}"}}')

    def publish() -> None:
        tell(engine, sender, event)

    return publish


def by_the_clock(url: str, redis_url: str, channel: str, filler: int) -> Callable[[], None]:
    """Do as ``by_marketcore``, with the moment before the writing in each event (seconds of ``time.perf_counter``)."""
    engine, sender = make_engine(url, pool_size=1), Sender(redis_url)
    rest = f'"price":"{"7" * filler}"'

    def publish() -> None:
        tell(engine, sender, LiveEvent(channel, "auction.bid", f'{{"at":"{time.perf_counter():.6f}",{rest}}}'))

    return publish


def by_redis(redis_url: str, channel: str) -> Callable[[], None]:
    """Return what publishes one text of 200 bytes."""
    client = redis.Redis.from_url(redis_url)
    text = "7" * 200

    def publish() -> None:
        client.publish(channel, text)

    return publish


def main() -> None:
    """Publish as asked until the input ends."""
    kind, url, redis_url, channel, filler = sys.argv[1:]
    if kind == "redis":
        publish = by_redis(redis_url, channel)
    else:
        publish = (by_the_clock if kind == "timed" else by_marketcore)(url, redis_url, channel, int(filler))
    for line in sys.stdin:
        for _ in range(int(line)):
            publish()


if __name__ == "__main__":
    main()
