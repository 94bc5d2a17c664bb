"""``marketcore run``: everything on one machine, as one program."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from marketcore.cli import sample
from marketcore.cli.configuration import Configuration
from marketcore.cli.migrating import report, upgrade

_PROBE_SECONDS = 1


@click.command()
@click.argument("file", required=False)
@click.pass_obj
def run(configuration: Configuration, file: str | None) -> None:
    """Start everything: embedded servers, migrations, every process.

    FILE is the configuration, as with -c. A development site without accounts also gets the sample data.
    """
    configuration.option = file or configuration.option
    with configuration.servers(process="run") as settings:
        report(upgrade(settings))
        registry = prepare(settings)
        code = supervise(registry, configuration.file, environment(settings))
    raise click.exceptions.Exit(code)


def prepare(settings: dict[str, Any]) -> Any:
    """Configure once before any child starts, and return the registry.

    A faulty configuration is so told once, and the secret that the children share is made by one process.
    """
    from marketcore.config import configure
    from marketcore.db.session import perform
    from marketcore.sample import is_empty
    from marketcore.settings import section

    registry = configure(settings).registry
    if section(registry, "marketcore")["environment"] == "development" and perform(registry, is_empty):
        sample.load(registry)
    registry["engine"].dispose()
    return registry


def supervise(registry: Any, file: str, env: dict[str, str]) -> int:
    """Start a child for each registered process and watch them until told to stop; return the exit code."""
    from marketcore.supervisor import Supervisor

    processes = started(registry)
    addresses = {name: address for name in processes if (address := address_of(registry, processes[name]))}
    supervisor = Supervisor(
        {name: [sys.executable, "-m", "marketcore.cli", "-c", file, "process", name] for name in processes},
        env,
        ready={name: answers(*address) for name, address in addresses.items()},
    )
    announce(registry, processes, addresses)
    return supervisor.run()


def started(registry: Any) -> dict[str, Any]:
    """Return the processes that run in this environment, by name."""
    from marketcore.directives import table
    from marketcore.settings import section

    development = section(registry, "marketcore")["environment"] == "development"
    return {
        name: process
        for name, process in table(registry, "processes").items()
        if development or not process.development_only
    }


def environment(settings: dict[str, Any]) -> dict[str, str]:
    """Return the children's environment: ours, with the servers that run."""
    return {
        **os.environ,
        "MARKETCORE_DATABASE_URL": settings["marketcore.database_url"],
        "MARKETCORE_REDIS_URL": settings["marketcore.redis_url"],
    }


def address_of(registry: Any, process: Any) -> tuple[str, int] | None:
    """Return host and port that ``process`` listens on; ``None`` if it listens on none or on any free one."""
    from marketcore.exceptions import ConfigurationError

    if process.port_setting is None:
        return None
    prefix, _dot, key = process.port_setting.partition(".")
    values = registry["settings_sections"].get(prefix, {})
    if key not in values:
        raise ConfigurationError(
            f"the process {process.name!r} says that its port is the setting {process.port_setting!r}, which no schema "
            "has: correct port_setting in its add_process"
        )
    return (values.get("host", "127.0.0.1"), values[key]) if values[key] else None


def answers(host: str, port: int) -> Callable[[], bool]:
    """Return a function that tells whether somebody listens on ``port``."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return partial(_connects, local, port)


def _connects(host: str, port: int) -> bool:
    with socket.create_connection((host, port), timeout=_PROBE_SECONDS):
        return True


def announce(registry: Any, processes: dict[str, Any], addresses: dict[str, tuple[str, int]]) -> None:
    """Say where to go, and what is being started."""
    from marketcore.directives import table
    from marketcore.settings import section

    for name, process in processes.items():
        _line(name, _link(addresses.get(name), process.page), process.about)
    for page in table(registry, "front pages").values():
        if page.process in addresses:
            _line(page.name, _link(addresses[page.process], page.path), page.about)
    data = Path(section(registry, "marketcore")["data_dir"]).resolve()
    click.echo(f"Data is kept in {data}. Ctrl-C stops everything; `marketcore tour` walks through a purchase.")


def _line(name: str, address: str, about: str) -> None:
    click.echo(f"  {name:10} {address:42} {about}")


def _link(address: tuple[str, int] | None, page: str) -> str:
    if address is None:
        return "-"
    host, port = address
    return f"http://{host}:{port}{page}" if page else f"{host}:{port}"


commands = (run,)
