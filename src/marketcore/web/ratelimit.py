"""Rate limits per caller and purpose, on Redis: ``rate_limit="login"`` on a view uses ``web.rate_limit.login``."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

import structlog
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from sqlalchemy import make_url

from marketcore.exceptions import ConfigurationError, TooManyRequests
from marketcore.settings import section

log = structlog.get_logger(__name__)


class RateLimits:
    """The configured limits; without Redis nothing is limited, and that is logged."""

    def __init__(self, redis_url: str, namespace: str, limits: dict[str, str]) -> None:
        self._namespace = namespace
        self._items = {name: _item(name, value) for name, value in limits.items() if value != "off"}
        self._limiter = SlidingWindowCounterRateLimiter(storage_from_string(redis_url, socket_connect_timeout=0.5))

    def hit(self, name: str, caller: str) -> tuple[RateLimitItem, int, int] | None:
        """Count one request; return (limit, remaining, seconds to reset), or ``None`` where nothing is limited.

        ``TooManyRequests`` when the limit was used up before.
        """
        item = self._items.get(name)
        if item is None:
            return None
        try:
            allowed = self._limiter.hit(item, self._namespace, name, caller)
            stats = self._limiter.get_window_stats(item, self._namespace, name, caller)
        except Exception as error:
            _warn_once(type(error).__name__)
            return None
        seconds = max(1, round(stats.reset_time - time.time()))
        if not allowed:
            raise TooManyRequests(f"at most {item} here; try again in {seconds} s", retry_after=seconds)
        return item, max(0, stats.remaining), seconds


def _item(name: str, value: str) -> RateLimitItem:
    try:
        return parse(value)
    except ValueError:
        raise ConfigurationError(
            f"web.rate_limit.{name} = {value!r}: use a rate such as '10/minute', or 'off'"
        ) from None


@lru_cache(maxsize=16)
def _warn_once(kind: str) -> None:
    log.warning("rate_limits_not_enforced", reason=kind, remedy="check marketcore.redis_url")


def rate_limited(view: Any, info: Any) -> Any:
    """Wrap views declared ``rate_limit=NAME``."""
    name = info.options.get("rate_limit")
    if name is None:
        return view

    def wrapper(context: Any, request: Any) -> Any:
        counted = request.registry["rate_limits"].hit(name, request.remote_addr or "unknown")
        response = view(context, request)
        if counted:
            item, remaining, seconds = counted
            response.headers["RateLimit-Policy"] = f'"{name}";q={item.amount};w={item.get_expiry()}'
            response.headers["RateLimit"] = f'"{name}";r={remaining};t={seconds}'
        return response

    return wrapper


rate_limited.options = ("rate_limit",)  # type: ignore[attr-defined]


def build_limits(registry: Any, limits: dict[str, str]) -> RateLimits:
    """Return ``limits`` over the configured Redis; marketplaces that share a Redis do not share their limits."""
    core = section(registry, "marketcore")
    return RateLimits(core["redis_url"], make_url(core["database_url"]).database or "market", limits)


def includeme(config: Any) -> None:
    """Build the limits of this process and add the deriver outside validation."""
    config.registry["rate_limits"] = build_limits(config.registry, section(config.registry, "web")["rate_limit"])
    config.add_view_deriver(rate_limited, name="rate_limited", under="decorated_view", over="validated")
