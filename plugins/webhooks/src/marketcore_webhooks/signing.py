"""Secrets of endpoints and the signatures made with them.

Source: Standard Webhooks 1.0, "Webhook headers (sending metadata to consumers)" and "Signature scheme".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "whsec_"
_NONCE_BYTES = 12


class Unreadable(Exception):
    """A stored secret was encrypted with another key than the present one."""


class SecretBox:
    """Encrypts what must be readable again, each secret for its owner alone (AES-256-GCM)."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "<SecretBox>"

    def seal(self, secret: bytes, user_id: int) -> bytes:
        """Return ``secret`` encrypted for rows of ``user_id``."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, _owner(user_id))

    def open(self, sealed: bytes, user_id: int) -> bytes:
        """Return the secret; ``Unreadable`` if it was sealed with another key or for somebody else."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _owner(user_id))
        except InvalidTag:
            raise Unreadable("the endpoint's secret cannot be decrypted: rotate it") from None


def new_secret() -> bytes:
    """Return the 32 random bytes of a new secret."""
    return secrets.token_bytes(32)


def shown_secret(secret: bytes) -> str:
    """Return the secret as its owner is shown it, once."""
    return PREFIX + base64.b64encode(secret).decode()


def new_message_id() -> str:
    """Return the id of a new message, which all its tries carry."""
    return f"msg_{secrets.token_hex(16)}"


def headers(message_id: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Return the headers of one try at ``timestamp`` (seconds since the epoch), with a signature for each key."""
    content = f"{message_id}.{timestamp}.".encode() + body
    made = (base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in made),
    }


def _owner(user_id: int) -> bytes:
    return f"webhooks user {user_id}".encode()
