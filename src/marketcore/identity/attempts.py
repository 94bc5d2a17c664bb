"""How often somebody may try to log in to one account, wherever they come from."""

from __future__ import annotations

import hashlib
from typing import Any

from marketcore.exceptions import TooManyRequests


class Attempts:
    """Counts attempts by account name, whether the account exists or not."""

    def __init__(self, limits: Any) -> None:
        self.limits = limits

    def refusal(self, login: str) -> TooManyRequests | None:
        """Count an attempt and return the refusal once too many were made, else ``None``."""
        try:
            self.limits.hit("account", hashlib.sha256(login.lower().encode()).hexdigest())
        except TooManyRequests as refusal:
            return refusal
        return None
