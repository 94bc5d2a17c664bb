"""Logging in with an account at Google, Facebook, X, or any OpenID Connect server."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("social_login", "Log in with Google, Facebook, X or any OpenID Connect server")

_LETTERS = (
    ("social_login.linked", "A new way to log in to your account"),
    ("social_login.unlinked", "A way to log in to your account was removed"),
)


def includeme(config: Any) -> None:
    """Add the configured providers, and the accounts there that people log in with."""
    from marketcore.settings import section
    from marketcore_social_login.events import SocialLoginChanged
    from marketcore_social_login.services.accounts import SocialAccountService
    from marketcore_social_login.services.flows import FlowService
    from marketcore_social_login.settings import settings_schema
    from marketcore_social_login.speaking import build_speakers

    settings = config.add_settings_schema("social_login", settings_schema(config.registry.settings))
    config.registry["social_login_speakers"] = build_speakers(
        settings, section(config.registry, "marketcore"), threads=section(config.registry, "web")["threads"]
    )
    config.add_migrations("social_login", "marketcore_social_login:migrations")
    config.register_service_factory(".services.flows.flow_service", FlowService)
    config.register_service_factory(".services.accounts.social_account_service", SocialAccountService)
    for name, title in _LETTERS:
        config.add_notification_type(name, title=title, templates="marketcore_social_login:templates", optional=False)
    config.add_event_subscriber(".subscribers.tell_of_link", SocialLoginChanged)
    config.add_periodic_job(".jobs.forget_old_flows", every_seconds=3600)
    config.include(".routes")
    config.scan(".views")
    config.scan(".callback")
