"""Where request bodies wait to be read."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from pyramid.request import Request


class MarketRequest(Request):
    """A request whose body stays in memory: the web server has refused anything larger than an upload already."""

    request_body_tempfile_limit = 32 * 1024 * 1024

    def __init__(self, environ: dict[str, Any], **given: Any) -> None:
        # Servers that have the whole body before they call us, as waitress has, give what can be read again.
        if isinstance(environ.get("wsgi.input"), BytesIO):
            environ["webob.is_body_seekable"] = True
        super().__init__(environ, **given)


def includeme(config: Any) -> None:
    """Use it for every request."""
    config.set_request_factory(MarketRequest)
