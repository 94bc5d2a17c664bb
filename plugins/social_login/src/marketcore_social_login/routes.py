"""Addresses of logging in elsewhere."""

from __future__ import annotations

from typing import Any

from marketcore_social_login.rules import PROVIDER


def includeme(config: Any) -> None:
    """Add the routes."""
    provider = f"{{provider:{PROVIDER}}}"
    config.add_route("social_login.providers", "/api/v1/auth/social")
    config.add_route("social_login.tokens", "/api/v1/auth/social/tokens")
    config.add_route("social_login.start", f"/api/v1/auth/social/{provider}/start")
    config.add_route("social_login.callback", f"/api/v1/auth/social/{provider}/callback")
    config.add_route("social_login.links", "/api/v1/users/me/social-logins")
    config.add_route("social_login.link", f"/api/v1/users/me/social-logins/{provider}")
    config.add_route("social_login.link.start", f"/api/v1/users/me/social-logins/{provider}/start")
