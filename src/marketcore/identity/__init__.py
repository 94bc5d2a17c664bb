"""Who is asking: accounts, passwords, sessions, tokens and what each role may do."""

from __future__ import annotations

from typing import Any

from marketcore.events import SessionsRevoked, UserBlocked
from marketcore.identity.services import IdentityService
from marketcore.identity.sessions import SessionService
from marketcore.identity.settings import IdentitySettings


def includeme(config: Any) -> None:
    """Add accounts, sessions and the security policy that every other noun relies on."""
    config.add_settings_schema("identity", IdentitySettings())
    config.declare_permission("unidentified", "anyone")
    config.declare_permission("identity.users.read", "admin")
    config.declare_permission("identity.users.block", "admin")
    config.include(".policy")
    config.include(".collaborators")
    config.register_service_factory(".services.identity_service", IdentityService)
    config.register_service_factory(".services.session_service", SessionService)
    config.add_after_commit_subscriber(".subscribers.forget_identities", SessionsRevoked)
    config.add_after_commit_subscriber(".subscribers.forget_identities", UserBlocked)
    config.add_live_channel("user:{user_id}", ".live.may_hear_user")
    config.add_periodic_job(".jobs.forget_expired_sessions", every_seconds=3600)
    config.include(".routes")
    config.scan(".views")
