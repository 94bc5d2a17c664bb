"""Rate limits per caller and purpose, on Redis: ``rate_limit="login"`` on a view uses ``web.rate_limit.login``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import structlog
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from sqlalchemy import make_url

from marketcore.exceptions import ConfigurationError, TooManyRequests
from marketcore.settings import section

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Used:
    """How a limit stands for one caller: whether this request is within it, what remains, seconds to its reset."""

    item: RateLimitItem
    allowed: bool
    remaining: int
    seconds: int

    def refusal(self) -> TooManyRequests:
        """Return what to raise where the request is not allowed."""
        return TooManyRequests(f"at most {self.item} here; try again in {self.seconds} s", retry_after=self.seconds)


class RateLimits:
    """The configured limits; without Redis nothing is limited, and that is logged.

    What was counted under another ``namespace`` does not count.
    """

    def __init__(self, redis_url: str, namespace: str, limits: dict[str, str]) -> None:
        self.namespace = namespace
        self._items = {name: _item(name, value) for name, value in limits.items() if value != "off"}
        self._limiter = SlidingWindowCounterRateLimiter(storage_from_string(redis_url, socket_connect_timeout=0.5))

    def hit(self, name: str, caller: str) -> None:
        """Count one request; ``TooManyRequests`` when the limit was used up before."""
        if (used := self.count(name, caller)) and not used.allowed:
            raise used.refusal()

    def count(self, name: str, caller: str) -> Used | None:
        """Count one request and return how the limit stands, or ``None`` where nothing is limited."""
        item = self._items.get(name)
        if item is None:
            return None
        try:
            allowed = self._limiter.hit(item, self.namespace, name, caller)
            stats = self._limiter.get_window_stats(item, self.namespace, name, caller)
        except Exception as error:
            _warn_once(type(error).__name__)
            return None
        return Used(item, allowed, max(0, stats.remaining), max(1, round(stats.reset_time - time.time())))


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


def _tell(name: str, used: Used, _request: Any, response: Any) -> None:
    response.headers["RateLimit-Policy"] = f'"{name}";q={used.item.amount};w={used.item.get_expiry()}'
    response.headers["RateLimit"] = f'"{name}";r={used.remaining};t={used.seconds}'


def rate_limited(view: Any, info: Any) -> Any:
    """Wrap views declared ``rate_limit=NAME``."""
    name = info.options.get("rate_limit")
    if name is None:
        return view

    def wrapper(context: Any, request: Any) -> Any:
        used = request.registry["rate_limits"].count(name, request.remote_addr or "unknown")
        if used:
            request.add_response_callback(partial(_tell, name, used))
            if not used.allowed:
                raise used.refusal()
        return view(context, request)

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
