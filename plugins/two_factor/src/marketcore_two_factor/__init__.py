"""A second factor: codes by e-mail, authenticator apps and recovery codes, at login and before what matters."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("two_factor", "Second factor: e-mail codes, authenticator apps, recovery codes, step-up")

_LETTERS = (
    ("two_factor.code", "Your code for logging in", "email"),
    ("two_factor.enabled", "A second factor was set up for your account", "in_app email"),
    ("two_factor.disabled", "A second factor was removed from your account", "in_app email"),
    ("two_factor.recovery_code_used", "A recovery code of yours was used", "in_app email"),
)


def includeme(config: Any) -> None:
    """Add second factors, the check of logins and the step-up."""
    from marketcore_two_factor.events import SecondFactorChanged
    from marketcore_two_factor.services.challenges import ChallengeService
    from marketcore_two_factor.services.factors import FactorService
    from marketcore_two_factor.services.proving import ProvingService
    from marketcore_two_factor.services.step_up import StepUpService
    from marketcore_two_factor.settings import TwoFactorSettings

    config.add_settings_schema("two_factor", TwoFactorSettings())
    config.add_migrations("two_factor", "marketcore_two_factor:migrations")
    config.declare_permission("two_factor.factor.reset", "admin")
    config.register_service_factory(".services.proving.proving_service", ProvingService)
    config.register_service_factory(".services.challenges.challenge_service", ChallengeService)
    config.register_service_factory(".services.factors.factor_service", FactorService)
    config.register_service_factory(".services.step_up.step_up_service", StepUpService)
    config.add_login_check("two_factor", ".checks.hold_login")
    config.add_step_up("two_factor", ".checks.demand_proof")
    for name, title, channels in _LETTERS:
        config.add_notification_type(
            name, title=title, templates="marketcore_two_factor:templates", channels=channels, optional=False
        )
    config.add_event_subscriber(".subscribers.tell_of_factor", SecondFactorChanged)
    config.add_periodic_job(".jobs.forget_old_proofs", every_seconds=3600)
    config.include(".routes")
    config.scan(".views")
