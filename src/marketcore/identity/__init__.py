"""Who is asking: accounts, passwords, sessions, tokens and what each role may do."""

from __future__ import annotations

from typing import Any

from marketcore.events import EmailVerified, PasswordChanged, SessionsRevoked, UserBlocked
from marketcore.identity.admission import AdmissionService
from marketcore.identity.recovery import RecoveryService
from marketcore.identity.services import IdentityService
from marketcore.identity.sessions import SessionService
from marketcore.identity.settings import IdentitySettings

_LETTERS = (
    ("account.verify_email", "Confirm your e-mail address", "email"),
    ("account.reset_password", "Set a new password", "email"),
    ("account.password_changed", "Your password was changed", "in_app email"),
)


def includeme(config: Any) -> None:
    """Add accounts, sessions and the security policy that every other noun relies on."""
    config.add_settings_schema("identity", IdentitySettings())
    config.declare_permission("unidentified", "anyone")
    config.declare_permission("identity.users.read", "admin")
    config.declare_permission("identity.users.block", "admin")
    config.include(".policy")
    config.include(".step_up")
    config.include(".collaborators")
    config.register_service_factory(".services.identity_service", IdentityService)
    config.register_service_factory(".services.session_service", SessionService)
    config.register_service_factory(".admission.admission_service", AdmissionService)
    config.register_service_factory(".recovery.recovery_service", RecoveryService)
    for name, title, channels in _LETTERS:
        config.add_notification_type(
            name, title=title, templates="marketcore.identity:templates", channels=channels, optional=False
        )
    config.add_event_subscriber(".subscribers.tell_of_password", PasswordChanged)
    config.add_job(".jobs.send_password_reset")
    config.add_after_commit_subscriber(".subscribers.forget_identities", SessionsRevoked)
    config.add_after_commit_subscriber(".subscribers.forget_identities", UserBlocked)
    config.add_after_commit_subscriber(".subscribers.forget_identities", EmailVerified)
    config.add_live_channel("user:{user_id}", ".live.may_hear_user")
    config.add_periodic_job(".jobs.forget_expired_sessions", every_seconds=3600)
    config.include(".routes")
    config.scan(".views")
    config.scan(".recovery_views")
