"""Password hashes: argon2id, never more at once than the process can carry."""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError


class Passwords:
    """Makes and checks hashes; at most ``concurrent`` at a time, so that logins cannot starve other requests."""

    def __init__(self, hasher: PasswordHasher, *, concurrent: int) -> None:
        self._hasher = hasher
        self._turn = threading.BoundedSemaphore(concurrent)
        self._nobody = hasher.hash(secrets.token_urlsafe(16))

    def hash(self, password: str) -> str:
        """Return the hash to store."""
        with self._turn:
            return self._hasher.hash(password)

    def matches(self, stored: str | None, password: str) -> bool:
        """Return whether ``password`` is the one of ``stored``; without an account it costs the same and is not."""
        with self._turn:
            try:
                return self._hasher.verify(stored or self._nobody, password) and stored is not None
            except (VerificationError, InvalidHashError):
                return False

    def outdated(self, stored: str) -> bool:
        """Return whether ``stored`` was made with other costs than are configured now."""
        return self._hasher.check_needs_rehash(stored)
