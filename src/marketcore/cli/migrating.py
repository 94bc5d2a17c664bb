"""``marketcore migrate``."""

from __future__ import annotations

from typing import Any

import click

from marketcore.cli.configuration import Configuration, core_settings


@click.command()
@click.pass_obj
def migrate(configuration: Configuration) -> None:
    """Bring the tables of the core and of the enabled plugins up to date."""
    with configuration.servers(process="migrate") as settings:
        report(upgrade(settings))


def upgrade(settings: dict[str, Any]) -> list[str]:
    """Apply what is missing in the database of ``settings``; return the revisions applied."""
    from marketcore import plugins
    from marketcore.db import migrate as migrations

    core = core_settings(settings)
    enabled = [plugin.name for plugin in plugins.load(core["plugins"])]
    return migrations.upgrade(core["database_url"], enabled, plugins.migration_locations())


def report(applied: list[str]) -> None:
    """Say what was applied."""
    for revision in applied:
        click.echo(f"applied {revision}")
    if not applied:
        click.echo("the database is up to date")


commands = (migrate,)
