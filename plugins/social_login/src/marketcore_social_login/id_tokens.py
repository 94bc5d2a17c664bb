"""Whether an id token is proof: OpenID Connect Core 1.0, section 3.1.3.7, and the JWT best practices of RFC 8725."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

LONGEST = 16_384
LEEWAY = 60  # seconds that the provider's clock may be off
KEYS_SECONDS = 600


@dataclass
class Keys:
    """A provider's public keys, fetched again after ten minutes and where one is not among them."""

    fetch: Callable[[], Mapping[str, Any]]
    _known: KeySet | None = field(default=None, repr=False)
    _fetched_at: float = field(default=float("-inf"), repr=False)

    def known(self) -> KeySet:
        """Return the keys; ``ValueError`` or a ``JoseError`` if what is fetched are none."""
        if self._known is None or time.monotonic() > self._fetched_at + KEYS_SECONDS:
            return self.fresh()
        return self._known

    def fresh(self) -> KeySet:
        """Return the keys as the provider has them now."""
        document = self.fetch()
        if not isinstance(document.get("keys"), list):
            raise ValueError("the provider's keys are no key set")
        keys = KeySet.import_key_set({"keys": [key for key in document["keys"] if _is_public(key)]})
        self._known, self._fetched_at = keys, time.monotonic()
        return keys


def _is_public(key: Any) -> bool:
    return isinstance(key, Mapping) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"


def read_id_token(
    token: object, keys: Keys, *, issuers: Collection[str], client_id: str, nonce: str, algorithms: Collection[str]
) -> dict[str, Any]:
    """Return the claims of an id token that is proof; ``ValueError`` says why it is none."""
    if not isinstance(token, str) or len(token) > LONGEST:
        raise ValueError("there is no id token, or it is too long")
    try:
        claims = _decoded(token, keys, list(algorithms))
        _registry(issuers, client_id, nonce).validate(claims)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"the id token is refused: {type(error).__name__} {error}"[:200]) from None
    # Neither may another client show this token, nor is it for anybody beside us.
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", client_id) != client_id or set(audience) != {client_id}:
        raise ValueError("the id token is refused: it was made for somebody else too")
    return claims


def _decoded(token: str, keys: Keys, algorithms: list[str]) -> dict[str, Any]:
    try:
        return jwt.decode(token, keys.known(), algorithms=algorithms).claims
    except (JoseError, ValueError):
        # Providers change their keys; a token that is no better with the newest ones is refused for good.
        return jwt.decode(token, keys.fresh(), algorithms=algorithms).claims


def _registry(issuers: Collection[str], client_id: str, nonce: str) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "values": list(issuers)},
        aud={"essential": True, "value": client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
