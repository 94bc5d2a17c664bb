"""Authenticators' secrets at rest (AES-256-GCM), each for its owner alone, and hashes of recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Seal:
    """Encrypts secrets and hashes codes with keys derived from the platform's secret."""

    def __init__(self, sealing_key: bytes, hashing_key: bytes) -> None:
        self._cipher = AESGCM(sealing_key)
        self._hashing_key = hashing_key

    def __repr__(self) -> str:
        return "<Seal>"

    def seal(self, secret: str, user_id: int) -> bytes:
        """Return ``secret`` encrypted for ``user_id``."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), _owner(user_id))

    def open(self, sealed: bytes, user_id: int) -> str:
        """Return the secret; ``cryptography.exceptions.InvalidTag`` where it is another user's or key's."""
        return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _owner(user_id)).decode()

    def hash(self, code: str, user_id: int) -> bytes:
        """Return what is stored of a recovery code: worthless without the platform's secret."""
        return hmac.new(self._hashing_key, f"{user_id} {code}".encode(), hashlib.sha256).digest()


def _owner(user_id: int) -> bytes:
    return f"user {user_id}".encode()
