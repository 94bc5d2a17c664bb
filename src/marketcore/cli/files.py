"""The configuration a command works with, and the servers and application that it describes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

CONFIG_FILE = "config_file"


def settings_of(ctx: click.Context) -> dict[str, Any]:
    """Return the settings of the command's configuration file, completed by the environment."""
    from marketcore.settings import read_settings

    return read_settings(config_file(ctx))


def config_file(ctx: click.Context) -> str:
    """Return the path of the command's configuration file."""
    from marketcore.settings import config_path

    return config_path(ctx.meta.get(CONFIG_FILE))


def core_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the checked ``marketcore.*`` of ``settings``."""
    from marketcore.settings import CoreSettings, check_section

    return check_section("marketcore", CoreSettings(), settings)


@contextmanager
def servers(ctx: click.Context, *, process: str = "") -> Iterator[dict[str, Any]]:
    """Yield the command's settings with the URLs of servers that run.

    Where the file says ``embedded``, the servers of its data folder are joined, or started for the duration of
    the block. The log is configured for ``process``.
    """
    from marketcore.embedded import running_servers
    from marketcore.logging import configure_logging

    settings = settings_of(ctx)
    core = core_settings(settings)
    configure_logging(core, process=process)
    with running_servers(Path(core["data_dir"]), database_url=core["database_url"], redis_url=core["redis_url"]) as (
        database_url,
        redis_url,
    ):
        yield {**settings, "marketcore.database_url": database_url, "marketcore.redis_url": redis_url}


@contextmanager
def application(ctx: click.Context, *, process: str = "") -> Iterator[Any]:
    """Yield the registry of the configured application, with its servers running."""
    from marketcore.config import configure

    with servers(ctx, process=process) as settings:
        registry = configure(settings).registry
        try:
            yield registry
        finally:
            registry["engine"].dispose()
