"""The addresses of the identity room."""

from __future__ import annotations

from typing import Any

from marketcore.web.openapi import UUID_PATTERN


def includeme(config: Any) -> None:
    """Add every route."""
    for verb in ("register", "login", "refresh", "logout"):
        config.add_route(f"auth.{verb}", f"/api/v1/auth/{verb}")
    config.add_route("auth.verify_email", "/api/v1/auth/verify-email")
    config.add_route("auth.password_reset", "/api/v1/auth/password-reset")
    config.add_route("auth.password_reset.confirm", "/api/v1/auth/password-reset/confirm")
    config.add_route("users.me", "/api/v1/users/me")
    config.add_route("users.me.password", "/api/v1/users/me/password")
    config.add_route("users.me.email_verification", "/api/v1/users/me/email-verification")
    config.add_route("users.me.sessions", "/api/v1/users/me/sessions")
    config.add_route("users.me.session", f"/api/v1/users/me/sessions/{{session_id:{UUID_PATTERN}}}")
    config.add_route("users", "/api/v1/users")
    config.add_route("users.user", "/api/v1/users/{user_id:[0-9]{1,18}}")
    config.add_route("users.user.block", "/api/v1/users/{user_id:[0-9]{1,18}}/block")
    config.add_route("users.user.unblock", "/api/v1/users/{user_id:[0-9]{1,18}}/unblock")
