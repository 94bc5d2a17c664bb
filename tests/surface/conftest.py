"""One marketplace with every plugin enabled, shared by the tests of a module."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from marketcore.logging import configure_logging
from marketcore.settings import read_settings
from marketcore.testing.databases import database_from
from marketcore.testing.logs import log_plainly
from marketcore.testing.market import Market

from .people import People

ROOT = Path(__file__).parents[2]
PLUGINS = tuple(sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml")))
# Hashing as such is proved elsewhere; nobody listens at the gateways' address.
QUICK = {
    "payments_razorpay.base_url": "http://127.0.0.1:9",
    "marketcore.log_level": "error",
    "live.port": 0,
    "live.messages_per_second": 1000,
    "identity.argon2_memory_kib": 1024,
    "identity.argon2_time_cost": 1,
    "identity.login_attempts": "off",
    "payments_mpesa.base_url": "http://127.0.0.1:9",
    "payments_stripe.base_url": "http://127.0.0.1:9",
    **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
    **{f"messaging.rate.{name}": "off" for name in ("find", "start", "send", "signal", "upload", "status")},
}


@pytest.fixture(scope="module")
def whole_settings(
    servers: tuple[str, str], templates: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """The settings of ``development.ini`` with every plugin of the repository, over a fresh database."""
    with database_from(servers[0], templates(*PLUGINS)) as url:
        yield {
            **read_settings(ROOT / "development.ini"),
            **QUICK,
            "marketcore.plugins": " ".join(PLUGINS),
            "marketcore.database_url": url,
            "marketcore.redis_url": servers[1],
            "marketcore.data_dir": str(tmp_path_factory.mktemp("data")),
        }


@pytest.fixture(scope="module")
def whole(whole_settings: dict[str, Any]) -> Iterator[Market]:
    """The served marketplace with every plugin."""
    market = Market(whole_settings)
    try:
        with market.serving():
            yield market
    finally:
        market.close()


@pytest.fixture(scope="module")
def people(whole: Market) -> People:
    """The people of that marketplace."""
    return People(whole)


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return what has been logged since the test began, by the platform and its libraries, as it leaves the process."""
    stream, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging({"log_level": "debug", "log_format": "json"}, stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.captureWarnings(False)
    log_plainly()
    root.handlers[:], root.level = handlers, level
