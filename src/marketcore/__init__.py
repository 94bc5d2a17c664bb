"""marketcore: a modular marketplace backend."""

from __future__ import annotations

from typing import Any


def main(global_config: Any, **settings: Any) -> Any:
    """Return the WSGI application that ``settings`` describe (a PasteDeploy app factory)."""
    from marketcore.config import configure
    from marketcore.settings import from_environment

    return configure(from_environment(settings)).make_wsgi_app()
