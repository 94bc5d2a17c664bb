"""Commands: what a client asks for over its socket, decided and checked as over HTTP.

A plain command is a unit of work in a thread. A queued one is handed over on the event loop and answered when its
future is done: on that path there is no thread, no task and no database between the socket and the handler.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

import structlog

from marketcore.db.session import perform
from marketcore.directives import LiveCommand, table
from marketcore.exceptions import Malformed, TooManyRequests, Unavailable, UnknownCommand
from marketcore.identity.policy import refusal
from marketcore.identity.rules import Verdict, decide
from marketcore.live.gateway import frames
from marketcore.live.gateway.frames import Command, GivenId
from marketcore.live.gateway.rights import IDENTITY
from marketcore.live.gateway.sockets import Socket
from marketcore.web.errors import refusal_of
from marketcore.web.json import check_names

log = structlog.get_logger(__name__)


class Commands:
    """Carries out the declared commands; ``ask`` runs a blocking question in a thread."""

    def __init__(self, registry: Any, ask: Callable[..., Awaitable[Any]], *, per_socket: int) -> None:
        self._registry = registry
        self._ask = ask
        self._per_socket = per_socket
        self._commands: dict[str, LiveCommand] = table(registry, "live commands")
        self._permissions = table(registry, "permissions declared")
        self._finished = Finished()

    async def obey(self, socket: Socket, frame: Command, message: str) -> None:
        """Carry out ``frame``, which was read from ``message``; the socket hears a reply or an error, and lives on."""
        try:
            command = self._find(frame.name)
            await self._permit(command, socket.identity)
            data = _read(command, frame.data, message)
            if command.queued:
                self._hand_over(socket, frame, command, data)
                return
            answer = await self._ask(run, command, socket.identity, data)
        except Exception as error:
            _refuse(socket, frame.id, frame.name, error)
        else:
            socket.tell(frames.reply(frame.id, answer))

    def _find(self, name: str) -> LiveCommand:
        command = self._commands.get(name)
        if command is None:
            raise UnknownCommand(f"there is no command {name!r} here", command=name)
        return command

    async def _permit(self, command: LiveCommand, identity: Any | None) -> None:
        permission = self._permissions[command.permission]
        verdict = decide(permission.to, permission.trade, identity)
        if verdict is not Verdict.ALLOWED:
            raise await self._ask(refusal, identity, verdict.value)

    def _hand_over(self, socket: Socket, frame: Command, command: LiveCommand, data: dict[str, Any]) -> None:
        if socket.commands >= self._per_socket:
            raise TooManyRequests(f"{self._per_socket} commands of this socket wait for their answers already")
        future = command.handler(self._registry, socket.identity, data)
        socket.commands += 1
        self._finished.watch(future, partial(_answer, socket, frame.id, command.name))


class Finished:
    """Brings what other threads have finished to the event loop, as much at a time as there is.

    Make it, and call ``watch``, on the event loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Callable[[Future[Any]], None], Future[Any]]] = deque()
        self._called = False

    def watch(self, future: Future[Any], then: Callable[[Future[Any]], None]) -> None:
        """Call ``then(future)`` on the event loop once ``future`` is done."""
        future.add_done_callback(partial(self._put, then))

    def _put(self, then: Callable[[Future[Any]], None], future: Future[Any]) -> None:
        self._waiting.append((then, future))
        if not self._called:
            self._called = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits for an answer any more
                self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        # Cleared before the last look, so that whatever comes after that look calls again.
        self._called = False
        while self._waiting:
            then, future = self._waiting.popleft()
            then(future)


def run(registry: Any, command: LiveCommand, identity: Any | None, data: dict[str, Any]) -> Mapping[str, Any]:
    """Run a plain command in a unit of work and return its answer."""

    def handle(request: Any) -> Mapping[str, Any]:
        request.environ[IDENTITY] = identity
        answer: Mapping[str, Any] = command.handler(request, data)
        return answer

    return perform(registry, handle)


def _read(command: LiveCommand, data: Any, message: str) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Malformed("the data of a command has to be a JSON object")
    check_names(message)
    return dict(command.body.deserialize(data))


def _answer(socket: Socket, id: GivenId, name: str, future: Future[Mapping[str, Any]]) -> None:
    socket.commands -= 1
    try:
        reply = frames.reply(id, future.result())
    except CancelledError:
        _refuse(socket, id, name, Unavailable("the server is shutting down: connect again and ask again"))
    except Exception as error:
        _refuse(socket, id, name, error)
    else:
        socket.tell(reply)


def _refuse(socket: Socket, id: GivenId, name: str, error: Exception) -> None:
    told = refusal_of(error)
    request_id = ""
    if told.status >= 500:
        request_id = uuid4().hex
        log.error("live_command_failed", command=name, request_id=request_id, exc_info=error)
    socket.tell(frames.error(told, id, request_id))
