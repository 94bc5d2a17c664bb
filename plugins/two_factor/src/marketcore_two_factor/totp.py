"""Codes of authenticator apps (RFC 6238, with its defaults: SHA-1, six digits, 30 seconds)."""

from __future__ import annotations

import secrets
from datetime import datetime
from hmac import compare_digest

import pyotp

from marketcore_two_factor.rules import STEP_SECONDS

DRIFT = 1  # steps that a telephone's clock may be off


def new_secret() -> str:
    """Return 160 random bits in base32, as RFC 4226 recommends."""
    return pyotp.random_base32(32)


def provisioning_uri(secret: str, account: str, issuer: str) -> str:
    """Return the ``otpauth://`` address that apps read as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def matching_step(secret: str, code: str, now: datetime, *, after: int) -> int | None:
    """Return the time step that ``code`` belongs to, or ``None``; no step up to ``after`` counts any more."""
    current, app = int(now.timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    steps = [step for step in range(current - DRIFT, current + DRIFT + 1) if step > after]
    return next((step for step in steps if compare_digest(app.generate_otp(step).encode(), code.encode())), None)


def new_recovery_code(alphabet: str) -> str:
    """Return ten random letters: 50 bits."""
    return "".join(secrets.choice(alphabet) for _ in range(10))
