"""What every page is given, and the filters its template may use."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from marketcore.settings import section
from marketcore_storefront.wording import FILTERS

FILES = "/storefront"


def frame(request: Any) -> dict[str, Any]:
    """Return what the frame of a page shows, and let the answer's policy allow that and nothing else."""
    registry = request.registry
    live_url = live_address(registry)
    request.response.headers["Content-Security-Policy"] = page_policy(
        live_url, section(registry, "media")["public_url"]
    )
    return {
        "shop": section(registry, "storefront")["name"],
        "static": FILES,
        "live_url": live_url,
        "development": section(registry, "marketcore")["environment"] == "development",
    }


def live_address(registry: Any) -> str:
    """Return where browsers open their socket."""
    given: str = section(registry, "storefront")["live_url"]
    if given:
        return given
    public = urlsplit(section(registry, "marketcore")["public_url"])
    scheme = "wss" if public.scheme == "https" else "ws"
    host = f"[{public.hostname}]" if ":" in (public.hostname or "") else public.hostname
    return f"{scheme}://{host}:{section(registry, 'live')['port']}/"


def page_policy(live_url: str, pictures_url: str) -> str:
    """Return the Content-Security-Policy of a page: its own files, pictures, the API and the socket."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        f"img-src {_sources(pictures_url)}; connect-src {_sources(live_url)}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _sources(address: str) -> str:
    parts = urlsplit(address)
    return f"'self' {parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"


def includeme(config: Any) -> None:
    """Make the filters known once the template engine is there."""
    config.action(("marketcore", "storefront filters"), _add_filters, args=(config,), order=1000)


def _add_filters(config: Any) -> None:
    config.get_jinja2_environment().filters.update(FILTERS)
