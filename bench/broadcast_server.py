"""The limit of fan-out: a bare ``websockets`` server that broadcasts what comes over Redis.

``python -m bench.broadcast_server PORT REDIS_URL CHANNEL``: as little as can be done with the library, on uvloop.
"""

from __future__ import annotations

import sys
from typing import Any

import redis.asyncio
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve


async def main(port: int, redis_url: str, channel: str) -> None:
    """Serve until the process is ended."""
    connections: set[ServerConnection] = set()

    async def converse(connection: ServerConnection) -> None:
        connections.add(connection)
        try:
            await connection.wait_closed()
        finally:
            connections.discard(connection)

    client: Any = redis.asyncio.from_url(redis_url)
    async with serve(converse, "127.0.0.1", port, compression=None, ping_interval=None), client.pubsub() as topic:
        await topic.subscribe(channel)
        async for message in topic.listen():
            if message["type"] == "message":
                broadcast(connections, message["data"].decode())


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
