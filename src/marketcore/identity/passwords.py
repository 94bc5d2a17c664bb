"""Password hashes: argon2id, never more at once than the process can carry."""

from __future__ import annotations

import secrets
import threading
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    """Makes and checks hashes; at most ``concurrent`` at a time, so that logins cannot starve other requests."""

    def __init__(self, hasher: PasswordHasher, *, concurrent: int) -> None:
        self._hasher = hasher
        self._turn = threading.BoundedSemaphore(concurrent)
        self._nobody = _hash_of_nothing(hasher)

    def hash(self, password: str) -> str:
        """Return the hash to store."""
        with self._turn:
            return self._hasher.hash(password)

    def matches(self, stored: str | None, password: str) -> bool:
        """Return whether ``password`` is the one of ``stored``; no account or none with a password costs the same."""
        with self._turn:
            try:
                return self._hasher.verify(stored or self._nobody, password) and bool(stored)
            except (VerificationError, InvalidHashError):
                return False

    def outdated(self, stored: str) -> bool:
        """Return whether ``stored`` was made with other costs than are configured now."""
        return self._hasher.check_needs_rehash(stored)


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """Return random bytes in the form of a hash: checking it costs what any costs, and no password matches."""
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    salt, digest = (_unpadded(secrets.token_bytes(length)) for length in (hasher.salt_len, hasher.hash_len))
    return f"$argon2id$v=19${costs}${salt}${digest}"


def _unpadded(raw: bytes) -> str:
    return b64encode(raw).decode().rstrip("=")
