"""``web.*``: the HTTP process and its limits."""

from __future__ import annotations

import colander

from marketcore.settings import Words


class RateLimits(colander.MappingSchema):
    """``web.rate_limit.NAME``: for example ``10/minute``; ``off`` switches a limit off."""

    login = colander.SchemaNode(colander.String(), missing="20/minute")
    register = colander.SchemaNode(colander.String(), missing="20/minute")
    payment = colander.SchemaNode(colander.String(), missing="30/minute")
    upload = colander.SchemaNode(colander.String(), missing="60/minute")


class WebSettings(colander.MappingSchema):
    """What the HTTP process listens on and what it refuses."""

    host = colander.SchemaNode(colander.String(), missing="127.0.0.1")
    port = colander.SchemaNode(colander.Integer(), missing=8000, validator=colander.Range(0, 65535))
    threads = colander.SchemaNode(colander.Integer(), missing=8, validator=colander.Range(1, 64))
    connections = colander.SchemaNode(
        colander.Integer(),
        missing=1000,
        validator=colander.Range(10, 60_000),
        description="open at the same time, resting ones too; further ones wait until others end",
    )
    cors_origins = colander.SchemaNode(
        Words(), missing=(), description="origins whose pages may call the API, such as https://shop.example"
    )
    trusted_proxy = colander.SchemaNode(
        colander.String(), missing="", description="address of the reverse proxy whose X-Forwarded-* are believed"
    )
    max_json_bytes = colander.SchemaNode(colander.Integer(), missing=1_048_576, validator=colander.Range(1024))
    max_upload_bytes = colander.SchemaNode(colander.Integer(), missing=10_485_760, validator=colander.Range(1024))
    rate_limit = RateLimits(missing=RateLimits().deserialize({}))
