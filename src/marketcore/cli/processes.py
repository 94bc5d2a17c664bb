"""``marketcore web``, ``live``, ``worker`` and ``process NAME``: one process of the platform, in the foreground."""

from __future__ import annotations

from typing import Any

import click

from marketcore.cli.configuration import Configuration


@click.command()
@click.argument("name")
@click.pass_obj
def process(configuration: Configuration, name: str) -> None:
    """Run the registered process NAME until it is told to stop."""
    serve(configuration, name)


def serve(configuration: Configuration, name: str) -> None:
    """Run the process called ``name`` and leave with its exit code."""
    with configuration.application(process=name) as registry:
        code = chosen(registry, name).serve(registry)
    raise click.exceptions.Exit(code or 0)


def chosen(registry: Any, name: str) -> Any:
    """Return the process called ``name``; ``ConfigurationError`` if there is none, or not in this environment."""
    from marketcore.directives import table
    from marketcore.exceptions import ConfigurationError
    from marketcore.settings import section

    processes = table(registry, "processes")
    if name not in processes:
        raise ConfigurationError(
            f"there is no process {name!r} (there are: {', '.join(sorted(processes))}): "
            "correct its name or enable the plugin that adds it"
        )
    environment = section(registry, "marketcore")["environment"]
    if processes[name].development_only and environment != "development":
        raise ConfigurationError(
            f"the process {name!r} is for development only and marketcore.environment is {environment!r}: "
            "take its plugin out of marketcore.plugins"
        )
    return processes[name]


def _shortcut(name: str, purpose: str) -> click.Command:
    @click.command(name, help=purpose)
    @click.pass_obj
    def command(configuration: Configuration) -> None:
        serve(configuration, name)

    return command


commands = (
    _shortcut("web", "Serve HTTP."),
    _shortcut("live", "Serve WebSockets."),
    _shortcut("worker", "Run jobs and the scheduler."),
    process,
)
