"""The platform's secret, and the keys derived from it."""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import secrets
from pathlib import Path

from marketcore.exceptions import ConfigurationError

MIN_LENGTH = 32


class Secrets:
    """Keys for signing tokens and cursors, each derived from one secret for one use."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._keys: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return "<Secrets>"

    def derive(self, use: str) -> bytes:
        """Return the 32-byte key for ``use``."""
        if use not in self._keys:
            self._keys[use] = hmac.digest(self._secret, f"marketcore {use}".encode(), "sha256")
        return self._keys[use]

    def code(self, id: str) -> str:
        """Return the code of 256 bits that belongs to ``id``; whoever sees the id alone cannot make it."""
        made = hmac.digest(self.derive("code"), id.encode(), "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    def digits(self, id: str) -> str:
        """Return the six digits that belong to ``id``: for people to type, where the tries are counted."""
        made = hmac.digest(self.derive("digits"), id.encode(), "sha256")
        return f"{int.from_bytes(made) % 1_000_000:06d}"


def load_secrets(secret: str, environment: str, data_dir: str) -> Secrets:
    """Return the configured secrets; only development may do without a setting (one is made and kept).

    ``ConfigurationError`` if production has none or one that is too short to be one.
    """
    if not secret and environment == "development":
        secret = _kept(Path(data_dir) / "secret")
    if len(secret) < MIN_LENGTH:
        raise ConfigurationError(
            f"marketcore.secret has {len(secret)} characters: set it to at least {MIN_LENGTH} random ones, for example "
            "'marketcore.secret = env:MARKETCORE_SECRET'"
        )
    return Secrets(secret)


def _kept(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"secret.{os.getpid()}")
        draft.touch(0o600)
        draft.write_text(secrets.token_urlsafe(48))
        # Linking is atomic: of several processes that start at once, all use the first one's secret.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text()
