"""``identity.*``: how long a login lasts and what a password costs."""

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
    argon2_memory_kib = colander.SchemaNode(colander.Integer(), missing=19_456, validator=colander.Range(8_192))
    argon2_time_cost = colander.SchemaNode(colander.Integer(), missing=2, validator=colander.Range(1, 20))
    argon2_parallelism = colander.SchemaNode(colander.Integer(), missing=1, validator=colander.Range(1, 16))
    login_attempts = colander.SchemaNode(
        colander.String(),
        missing="60/hour",
        description="logins tried for one account from addresses its owner has never used; 'off' for no limit",
    )
