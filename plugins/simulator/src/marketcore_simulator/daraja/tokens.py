"""OAuth as Daraja does it: Basic credentials for a bearer token that expires."""

import base64
import binascii
from datetime import datetime, timedelta

from marketcore_simulator.daraja import credentials
from marketcore_simulator.daraja.refusals import Refusal
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Request


class Tokens:
    """Issue access tokens and recognise those still good."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._good_until: dict[str, datetime] = {}

    def issue(self, request: Request) -> dict[str, str]:
        """Return the body of a token answer; raise Refusal for a wrong grant type or credentials."""
        if request.query.get("grant_type") != "client_credentials":
            raise Refusal(400, "400.008.02", "Invalid grant type passed")
        if _basic(request.headers.get("authorization", "")) != (
            credentials.CONSUMER_KEY,
            credentials.CONSUMER_SECRET,
        ):
            raise Refusal(400, "400.008.01", "Invalid Authentication passed")
        lifetime = self._world.settings.token_seconds
        token = self._world.ids.letters("access token", 28)
        self._good_until[token] = self._world.clock.now() + timedelta(seconds=lifetime)
        return {"access_token": token, "expires_in": str(lifetime)}

    def check(self, request: Request) -> None:
        """Raise Refusal unless the request carries a good token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(404, "404.001.04", "Invalid Authentication Header")
        good_until = self._good_until.get(token)
        if good_until is None or good_until <= self._world.clock.now():
            raise Refusal(404, "404.001.03", "Invalid Access Token")

    def revoke(self) -> None:
        """Forget every token given out."""
        self._good_until.clear()


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, secret
