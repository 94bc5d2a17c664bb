"""Pure decisions about second factors: which methods somebody has, and whether they may try."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

EMAIL, TOTP, RECOVERY = "email", "totp", "recovery_code"
FACTORS = (EMAIL, TOTP)
METHODS = (*FACTORS, RECOVERY)
RECOVERY_CODES = 10
STEP_SECONDS = 30
# RFC 4648's letters and digits: none of them looks like another.
RECOVERY_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def methods_of(factors: Collection[str], unused_recovery_codes: int, *, required: bool) -> list[str]:
    """Return the ways in which somebody can prove themselves; none where they have no factor and need none.

    Whoever is ``required`` to have a factor and has set up none proves that they read their e-mails.
    """
    if not factors:
        return [EMAIL] if required else []
    return [*sorted(factors), *([RECOVERY] if unused_recovery_codes else [])]


def seconds_to_wait(wrong: int, since: datetime, now: datetime, *, tries: int, wait: timedelta) -> int:
    """Return for how many seconds no further code is tried after ``wrong`` ones ``since``; 0 is none."""
    left = (since + wait - now).total_seconds()
    return max(1, round(left)) if wrong >= tries and left > 0 else 0


def plain_code(typed: str) -> str:
    """Return a code as it was meant: people type spaces, hyphens and small letters."""
    return typed.replace(" ", "").replace("-", "").upper()


def shown_recovery_code(letters: str) -> str:
    """Return ten letters as they are shown: ``ABCDE-FGHIJ``."""
    return f"{letters[:5]}-{letters[5:]}"
