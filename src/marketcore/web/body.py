"""Where request bodies wait to be read."""

from __future__ import annotations

from typing import Any

from pyramid.request import Request


class MarketRequest(Request):
    """A request whose body stays in memory: the web server has refused anything larger than an upload already."""

    request_body_tempfile_limit = 32 * 1024 * 1024


def includeme(config: Any) -> None:
    """Use it for every request."""
    config.set_request_factory(MarketRequest)
