"""The handshake: which address, from where, and with which token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from marketcore.live.channels import Channels
from marketcore.live.gateway.codes import REFUSALS
from marketcore.live.gateway.limits import Places
from marketcore.live.gateway.sockets import Admission, Handshake, Refusal

HEALTH = "/healthz"
GENERAL = "/"


class Door:
    """Decides handshakes; ``identify`` turns a bearer token into an identity or ``None``."""

    def __init__(
        self, channels: Channels, identify: Callable[[str], Awaitable[Any | None]], settings: Mapping[str, Any]
    ) -> None:
        self._channels = channels
        self._identify = identify
        self._proxy = settings["trusted_proxy"]
        self.addresses = Places(settings["sockets_per_ip"])

    def enter(self, handshake: Handshake) -> Callable[[], None] | Refusal:
        """Take a place for the client's address; return how to give it back."""
        if handshake.path == HEALTH:
            return Refusal(200, "ok")
        address = self._client_address(handshake)
        if not self.addresses.take(address):
            return Refusal(429, REFUSALS[429])
        return partial(self.addresses.give_back, address)

    async def admit(self, handshake: Handshake) -> Admission | Refusal:
        """Find the channel of a plain address and who holds the bearer token, if one was sent."""
        match = self._channels.at_path(handshake.path)
        if match is None and handshake.path != GENERAL:
            return Refusal(404, REFUSALS[404])
        scheme, _space, token = handshake.headers.get("authorization", "").partition(" ")
        if not scheme:
            return Admission(None, match)
        try:
            identity = await self._identify(token) if scheme.lower() == "bearer" else None
        except SQLAlchemyError:
            return Refusal(503, REFUSALS[503])
        return Refusal(401, REFUSALS[401]) if identity is None else Admission(identity, match)

    def _client_address(self, handshake: Handshake) -> str:
        if handshake.address != self._proxy:
            return handshake.address
        return handshake.headers.get("x-forwarded-for", "").rpartition(",")[2].strip() or handshake.address
