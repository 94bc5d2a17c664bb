"""The live process: its tasks, and how it starts and stops."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog

from marketcore.live.gateway import rights
from marketcore.live.gateway.admission import Door
from marketcore.live.gateway.attendance import Attendance
from marketcore.live.gateway.commands import Commands
from marketcore.live.gateway.conversation import Conversation
from marketcore.live.gateway.entrance import Entrance
from marketcore.live.gateway.limits import Places
from marketcore.live.gateway.redis_listener import RedisListener
from marketcore.live.gateway.sockets import Socket, listen
from marketcore.live.gateway.streams import Streams
from marketcore.live.gateway.warden import Warden
from marketcore.live.history import HISTORY
from marketcore.live.hub import Hub
from marketcore.live.presence import Keys
from marketcore.settings import section
from marketcore.starting import expect_connections, keep_what_stays

log = structlog.get_logger(__name__)

STOPPING_SECONDS = 5
SOCKETS = 1000  # that a process should at least be allowed to hold


class Gateway:
    """One live process. Make it inside its event loop; ``port`` is set once it serves."""

    def __init__(self, registry: Any) -> None:
        self.settings = section(registry, "live")
        self.port = 0
        self.sockets: set[Socket] = set()
        self._registry = registry
        self._threads = ThreadPoolExecutor(self.settings["threads"], "live")
        self._stopping = asyncio.Event()
        self._channels = registry["live channels"]
        self._users = Places(self.settings["sockets_per_user"])
        hub: Hub[Socket] = Hub(channels_per_member=self.settings["channels_per_socket"], history=HISTORY)
        self.streams = Streams(
            hub,
            lambda reads: self._ask(rights.streams, reads),
            self.settings["poll_seconds"],
            has_snapshot=partial(rights.has_snapshot, registry),
        )
        self._entrance = Entrance(self._channels, self.streams, self._ask)
        self._commands = Commands(registry, self._ask, per_socket=self.settings["commands_per_socket"])
        self._warden = Warden(
            self.sockets,
            hub,
            self._channels,
            self._ask,
            poll_seconds=self.settings["poll_seconds"],
            recheck_seconds=self.settings["recheck_seconds"],
        )
        self._door = Door(self._channels, lambda token: self._ask(rights.bearer_identity, token), self.settings)

    def stop(self) -> None:
        """Close all sockets with 1001 and end."""
        self._stopping.set()

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop``; raise what a core task died of."""
        server = await listen(
            self.settings,
            self._origins(),
            enter=self._door.enter,
            admit=self._door.admit,
            converse=self._converse,
        )
        self.port = next(iter(server.sockets)).getsockname()[1]
        log.info("live_serving", port=self.port)
        ready()
        try:
            await self._supervise()
        finally:
            await self._close(server)
            self._threads.shutdown(cancel_futures=True)

    async def _supervise(self) -> None:
        core = [asyncio.create_task(work, name=name) for name, work in self._core_tasks().items()]
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([stopping, *core], return_when=asyncio.FIRST_COMPLETED)
        dead = [task for task in core if task.done()]
        await _cancel({stopping, *core})
        for task in dead:
            log.error("live_task_died", task=task.get_name())
            task.result()
            raise RuntimeError(f"the core task {task.get_name()!r} of the live process ended by itself")

    def _core_tasks(self) -> dict[str, Coroutine[Any, Any, None]]:
        redis_url = section(self._registry, "marketcore")["redis_url"]
        redis = RedisListener(
            redis_url,
            on_event=self.streams.hint,
            on_signal=self.streams.signal,
            on_revocation=self._warden.suspect_user,
            on_connected=self.streams.suspect_all,
        )
        counted = partial(rights.is_counted, self._registry)
        attendance = Attendance(self.streams.hub, counted, redis_url, Keys(self._registry))
        return {
            "tell attendance": attendance.run(),
            "read streams": self.streams.read(),
            "poll streams": self.streams.poll(),
            "listen to redis": redis.run(),
            "poll rights": self._warden.poll(),
            "recheck rights": self._warden.recheck(),
        }

    async def _converse(self, socket: Socket) -> None:
        self.sockets.add(socket)
        try:
            await Conversation(
                socket,
                hub=self.streams.hub,
                entrance=self._entrance,
                commands=self._commands,
                users=self._users,
                ask=self._ask,
                settings=self.settings,
            ).hold()
        finally:
            self.sockets.discard(socket)

    async def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, question, self._registry, *arguments)

    def _origins(self) -> list[str]:
        public = urlsplit(section(self._registry, "marketcore")["public_url"])
        return list(self.settings["origins"]) or [f"{public.scheme}://{public.netloc}"]

    async def _close(self, server: Any) -> None:
        server.close(code=1001, reason="going away")
        try:
            async with asyncio.timeout(STOPPING_SECONDS):
                await server.wait_closed()
        except TimeoutError:
            for socket in self.sockets:
                socket.cut()


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    # redis-py swallows a cancellation that meets it while connecting, so once may not be enough.
    while tasks:
        for task in tasks:
            task.cancel()
        _done, tasks = await asyncio.wait(tasks, timeout=0.5)


def run(registry: Any) -> None:
    """Run a gateway in this process until SIGTERM or SIGINT."""
    expect_connections(SOCKETS)
    keep_what_stays()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve_until_signalled(registry))


async def _serve_until_signalled(registry: Any) -> None:
    gateway = Gateway(registry)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, gateway.stop)
    await gateway.serve()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
