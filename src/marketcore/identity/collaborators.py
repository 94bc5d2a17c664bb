"""What the services work with, built once per process from the settings."""

from __future__ import annotations

from typing import Any

from argon2 import PasswordHasher

from marketcore.exceptions import ConfigurationError
from marketcore.identity.attempts import Attempts
from marketcore.identity.identities import Identities
from marketcore.identity.passwords import Passwords
from marketcore.identity.tokens import AccessTokens
from marketcore.settings import section
from marketcore.web.ratelimit import build_limits

DEAR_ENOUGH = 8_192  # KiB: below, a stolen table of hashes is guessed too cheaply; development has none to lose


def includeme(config: Any) -> None:
    """Put passwords, tokens, identities and the count of attempts into the registry."""
    registry = config.registry
    core, settings = section(registry, "marketcore"), section(registry, "identity")
    _refuse_cheap_hashes(settings["argon2_memory_kib"], core["environment"])
    registry["passwords"] = make_passwords(settings, threads=section(registry, "web")["threads"])
    registry["access_tokens"] = AccessTokens(
        registry["secrets"].derive("access-token"), issuer=core["public_url"], lifetime=settings["access_minutes"] * 60
    )
    registry["identities"] = Identities(
        registry["engine"], registry["access_tokens"], verified_only=settings["require_verified_email"]
    )
    registry["login_attempts"] = Attempts(build_limits(registry, {"account": settings["login_attempts"]}))


def _refuse_cheap_hashes(memory_kib: int, environment: str) -> None:
    if environment == "production" and memory_kib < DEAR_ENOUGH:
        raise ConfigurationError(
            f"identity.argon2_memory_kib is {memory_kib}: in production, set it to at least {DEAR_ENOUGH}"
        )


def make_passwords(settings: dict[str, Any], *, threads: int) -> Passwords:
    """Return the hasher that ``identity.argon2_*`` describe, for half of the web process's ``threads``."""
    hasher = PasswordHasher(
        time_cost=settings["argon2_time_cost"],
        memory_cost=settings["argon2_memory_kib"],
        parallelism=settings["argon2_parallelism"],
    )
    return Passwords(hasher, concurrent=max(1, threads // 2))
