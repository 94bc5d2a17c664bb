"""``/healthz``: the process lives. ``/readyz``: what it needs answers."""

from __future__ import annotations

from typing import Any

import structlog
from sqlalchemy import text

from marketcore.exceptions import Unavailable
from marketcore.web.schema import Schema, choice

log = structlog.get_logger(__name__)


class Health(Schema):
    """Whether this process works."""

    status = choice("ok")


def healthz(request: Any) -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "ok"}


def readyz(request: Any) -> dict[str, str]:
    """Say that the process can serve: the database answers (Redis may be away)."""
    try:
        with request.registry["engine"].connect() as connection:
            connection.execute(text("SELECT 1"))
    except Exception as error:
        log.warning("not_ready", reason=type(error).__name__)
        raise Unavailable("the database does not answer") from None
    return {"status": "ok"}


def includeme(config: Any) -> None:
    """Add both addresses."""
    for name, view in (("healthz", healthz), ("readyz", readyz)):
        config.add_route(name, f"/{name}")
        config.add_view(
            view,
            route_name=name,
            request_method="GET",
            permission="public",
            openapi={"responses": {200: Health}},
        )
