"""``identity.*``: how long a login lasts, what a password costs and what is proved by e-mail."""

from __future__ import annotations

import colander

from marketcore.identity.rules import PASSWORD_MIN_LENGTH


class IdentitySettings(colander.MappingSchema):
    """Tokens, sessions and passwords."""

    access_minutes = colander.SchemaNode(
        colander.Integer(), missing=15, validator=colander.Range(1, 15), description="life of an access token"
    )
    session_days = colander.SchemaNode(
        colander.Integer(),
        missing=30,
        validator=colander.Range(1, 365),
        description="a session that is not refreshed for so long ends",
    )
    refresh_grace_seconds = colander.SchemaNode(
        colander.Integer(),
        missing=30,
        validator=colander.Range(1, 300),
        description="how long a used refresh token still works, so that two tabs are not logged out",
    )
    password_min_length = colander.SchemaNode(
        colander.Integer(), missing=PASSWORD_MIN_LENGTH, validator=colander.Range(PASSWORD_MIN_LENGTH, 64)
    )
    argon2_memory_kib = colander.SchemaNode(colander.Integer(), missing=19_456, validator=colander.Range(1_024))
    argon2_time_cost = colander.SchemaNode(colander.Integer(), missing=2, validator=colander.Range(1, 20))
    argon2_parallelism = colander.SchemaNode(colander.Integer(), missing=1, validator=colander.Range(1, 16))
    verify_email = colander.SchemaNode(
        colander.Boolean(), missing=True, description="whether a letter asks new members to confirm their address"
    )
    require_verified_email = colander.SchemaNode(
        colander.Boolean(), missing=False, description="whether only members with a confirmed address may trade"
    )
    verification_hours = colander.SchemaNode(colander.Integer(), missing=48, validator=colander.Range(1, 168))
    reset_minutes = colander.SchemaNode(colander.Integer(), missing=60, validator=colander.Range(5, 1440))
    letters_per_hour = colander.SchemaNode(
        colander.Integer(),
        missing=5,
        validator=colander.Range(1, 100),
        description="letters of one kind, to confirm an address or set a password, that an account gets",
    )
    login_attempts = colander.SchemaNode(
        colander.String(),
        missing="60/hour",
        description="logins tried for one account from addresses its owner has never used; 'off' for no limit",
    )
