"""pytest fixtures: servers and a browser once per run, a database and a marketplace per test.

``MARKETCORE_TEST_DATABASE_URL`` and ``MARKETCORE_TEST_REDIS_URL`` replace the embedded servers.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from marketcore.testing.databases import database_from, execute_outside, make_template, quick_folder
from marketcore.testing.logs import log_plainly
from marketcore.testing.market import Market
from marketcore.testing.standing import Standing

# Most tests need somebody who is logged in; what hashing should cost is proved where the defaults apply.
QUICK_HASHES = {"identity.argon2_memory_kib": "1024", "identity.argon2_time_cost": "1"}

# Of garbage: rarer than Python's, for a test process has memory to spare; counting references frees most things anyway.
SEARCHES = (20_000, 20, 20)


def pytest_configure() -> None:
    """Keep what is logged cheap, and what is collected, all of which stays, free of searches for garbage."""
    log_plainly()
    gc.disable()


def pytest_collection_finish() -> None:
    """Set aside what is loaded by now: it stays, and looking through it again took a fifth of every configuration."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SEARCHES)
    gc.enable()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URLs of a real PostgreSQL (as administrator) and a real Valkey."""
    from marketcore.embedded import running_servers

    with (
        quick_folder(tmp_path_factory.mktemp("servers")) as folder,
        running_servers(
            folder,
            database_url=os.environ.get("MARKETCORE_TEST_DATABASE_URL", "embedded"),
            redis_url=os.environ.get("MARKETCORE_TEST_REDIS_URL", "embedded"),
            durable=False,
        ) as urls,
    ):
        yield urls


@pytest.fixture(scope="session")
def templates(servers: tuple[str, str]) -> Iterator[Callable[..., str]]:
    """Return ``template(*plugins)``: the name of a migrated database to copy, made once per set of plugins."""
    made: dict[tuple[str, ...], str] = {}

    def template(*plugins: str) -> str:
        key = tuple(sorted(plugins))
        if key not in made:
            made[key] = make_template(servers[0], key, base=template() if key else None)
        return made[key]

    yield template
    execute_outside(servers[0], *(f"DROP DATABASE {name} WITH (FORCE)" for name in made.values()))


@pytest.fixture
def make_settings(
    servers: tuple[str, str], templates: Callable[..., str], tmp_path: Path
) -> Iterator[Callable[..., dict[str, Any]]]:
    """Return ``settings(*plugins, **overrides)`` over a fresh database; dots in names are written ``__``."""
    with ExitStack() as stack:

        def settings(*plugins: str, **overrides: Any) -> dict[str, Any]:
            url = stack.enter_context(database_from(servers[0], templates(*plugins)))
            return _settings(plugins, overrides, url, servers[1], tmp_path / "data")

        yield settings


def _settings(
    plugins: Iterable[str], overrides: dict[str, Any], database_url: str, redis_url: str, folder: Path
) -> dict[str, Any]:
    return {
        "marketcore.plugins": " ".join(plugins),
        "marketcore.database_url": database_url,
        "marketcore.redis_url": redis_url,
        "marketcore.data_dir": str(folder),
        "marketcore.environment": "development",
        **({} if overrides.get("marketcore__environment") == "production" else QUICK_HASHES),
        **{f"web.rate_limit.{name}": "off" for name in ("login", "register", "payment", "upload")},
        **{key.replace("__", "."): value for key, value in overrides.items()},
    }


@pytest.fixture(scope="session")
def standing(
    servers: tuple[str, str], templates: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Standing]:
    """The marketplaces that one test leaves to the next."""

    def settings(plugins: Iterable[str], overrides: dict[str, Any], url: str, folder: Path) -> dict[str, Any]:
        return _settings(plugins, overrides, url, servers[1], folder)

    standing = Standing(servers[0], templates, settings, tmp_path_factory.mktemp("standing"))
    yield standing
    standing.close()


@pytest.fixture
def make_market(standing: Standing) -> Iterator[Callable[..., Market]]:
    """Return ``market(*plugins, **overrides)``: a served marketplace with those plugins and settings."""
    with ExitStack() as stack:

        def market(*plugins: str, **overrides: Any) -> Market:
            return stack.enter_context(standing.lend(*plugins, **overrides))

        yield market


@pytest.fixture
def market(make_market: Callable[..., Market]) -> Market:
    """A served marketplace of the core alone."""
    return make_market()


@pytest.fixture(scope="session")
def browser_of_the_run() -> Iterator[tuple[Any, Any]]:
    """The one browser of a run, and Playwright's event loop, which is set aside: use ``browser``."""
    from marketcore.testing.browser import running_browser, running_loop

    with running_browser() as running:
        loop = asyncio.get_running_loop()
        with running_loop(None):
            yield running, loop


@pytest.fixture(scope="module")
def browser(browser_of_the_run: tuple[Any, Any]) -> Iterator[Any]:
    """A real browser (``playwright.sync_api.Browser``), the same one for every file of tests."""
    from marketcore.testing.browser import running_loop

    running, loop = browser_of_the_run
    with running_loop(loop):
        yield running


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of the browser with storage of its own; an error that its scripts do not catch fails the test."""
    context = browser.new_context()
    faults: list[Any] = []
    context.on("weberror", lambda event: faults.append(event.error))
    yield context.new_page()
    context.close()
    assert faults == [], f"the page's scripts failed: {faults}"
