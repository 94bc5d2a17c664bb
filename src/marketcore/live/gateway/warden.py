"""Rights are decided when a socket joins, and again: when they change, and every now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Set
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from marketcore.exceptions import NotFound
from marketcore.live.channels import Channels
from marketcore.live.gateway import rights
from marketcore.live.gateway.codes import Close
from marketcore.live.gateway.frames import error
from marketcore.live.gateway.sockets import Socket
from marketcore.live.hub import Hub

log = structlog.get_logger(__name__)


class Warden:
    """Watches the rights of all ``sockets``; ``ask`` runs a blocking question in a thread."""

    def __init__(
        self,
        sockets: Set[Socket],
        hub: Hub[Socket],
        channels: Channels,
        ask: Callable[..., Awaitable[Any]],
        *,
        poll_seconds: float,
        recheck_seconds: float,
    ) -> None:
        self._sockets = sockets
        self._hub = hub
        self._channels = channels
        self._ask = ask
        self._poll_seconds = poll_seconds
        self._recheck_seconds = recheck_seconds
        self._due: dict[Socket, None] = {}
        self._wake = asyncio.Event()

    def suspect_user(self, user_id: int) -> None:
        """Look at the rights of this user's sockets at once, before any that are only looked at now and then."""
        mine = [socket for socket in self._sockets if socket.identity and socket.identity.user_id == user_id]
        self._due = {**dict.fromkeys(mine), **self._due}
        self._wake.set()

    async def poll(self) -> None:
        """Find ended sessions, changed users and rights decided long ago, for ever."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            before = asyncio.get_running_loop().time() - self._recheck_seconds
            self._suspect({socket for socket in self._sockets if socket.checked_at < before})
            await self._suspect_changed()

    async def recheck(self) -> None:
        """Decide the rights of suspected sockets again, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                socket = next(iter(self._due))
                del self._due[socket]
                await self._recheck(socket)

    def _suspect(self, sockets: Set[Socket]) -> None:
        self._due.update(dict.fromkeys(sockets))
        self._wake.set()

    async def _suspect_changed(self) -> None:
        identities = {socket.identity for socket in self._sockets if socket.identity}
        if not identities:
            return
        try:
            changed = await self._ask(rights.changed_sessions, identities)
        except SQLAlchemyError as failure:
            log.warning("live_rights_not_polled", reason=type(failure).__name__)
            return
        self._suspect({one for one in self._sockets if one.identity and one.identity.session_id in changed})

    async def _recheck(self, socket: Socket) -> None:
        try:
            async with socket.rights:
                await self._decide_again(socket)
        except SQLAlchemyError as failure:
            socket.checked_at = float("-inf")  # so that the next poll suspects it again
            log.warning("live_rights_not_rechecked", reason=type(failure).__name__)

    async def _decide_again(self, socket: Socket) -> None:
        if socket not in self._sockets:
            return
        if socket.identity is not None:
            identity = socket.identity
            socket.identity = await self._ask(rights.session_identity, identity.user_id, identity.session_id)
            if socket.identity is None:
                self._hub.forget(socket)
                socket.end(Close.UNAUTHENTICATED)
                return
        matches = [self._channels.match(name) for name in self._hub.channels_of(socket)]
        for channel in await self._ask(rights.lost_channels, socket.identity, matches):
            self._expel(socket, channel)
        socket.checked_at = asyncio.get_running_loop().time()

    def _expel(self, socket: Socket, channel: str) -> None:
        if not self._hub.leave(socket, channel):
            return
        socket.tell(error(NotFound("you may not listen to this channel any more", channel=channel)))
        if socket.match is not None:
            socket.end(Close.FORBIDDEN)
