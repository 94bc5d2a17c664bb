"""Addresses of second factors."""

from __future__ import annotations

from typing import Any


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("two_factor.login", "/api/v1/auth/login/second-factor")
    config.add_route("two_factor.login.code", "/api/v1/auth/login/second-factor/code")
    own = "/api/v1/users/me/second-factor"
    config.add_route("two_factor.own", own)
    config.add_route("two_factor.code", f"{own}/code")
    config.add_route("two_factor.proof", f"{own}/proof")
    config.add_route("two_factor.totp", f"{own}/totp")
    config.add_route("two_factor.totp.confirmation", f"{own}/totp/confirmation")
    config.add_route("two_factor.totp.removal", f"{own}/totp/removal")
    config.add_route("two_factor.email", f"{own}/email")
    config.add_route("two_factor.email.removal", f"{own}/email/removal")
    config.add_route("two_factor.recovery_codes", f"{own}/recovery-codes")
    config.add_route("two_factor.reset", "/api/v1/users/{user_id:[0-9]{1,18}}/second-factor/removal")
