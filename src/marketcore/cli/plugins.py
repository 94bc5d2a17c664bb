"""``marketcore plugins``: what is installed, what runs, what it registered; a new one; getting rid of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from marketcore.cli.configuration import Configuration, core_settings

# What Pyramid itself and its add-ons list that is worth seeing beside our own directives.
_PYRAMID = ("routes", "views", "permissions", "tweens")


@click.group(invoke_without_command=True)
@click.option("--verbose", is_flag=True, help="Show everything that is registered, with file and line.")
@click.pass_context
def plugins(ctx: click.Context, verbose: bool) -> None:
    """Show the installed plugins and why they run or do not."""
    if ctx.invoked_subcommand:
        return
    from marketcore.plugins import explain

    standings = explain(ctx.obj.core()["plugins"])
    for line in aligned([(s.name, s.state, s.distribution, s.why) for s in standings]):
        click.echo(line)
    if verbose:
        click.echo("\n".join(registered(ctx.obj.inspected())))
    ctx.exit(2 if any(s.state == "cannot run" for s in standings) else 0)


def aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Return ``rows`` as lines with columns under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def registered(config: Any) -> list[str]:
    """Return a line for everything that the core and each plugin registered, with file and line."""
    folders = {name: Path(p.module.__file__).parent for name, p in config.registry["plugins"].items()}
    found: dict[str, list[tuple[str, ...]]] = {"core": [], **{name: [] for name in folders}}
    for category, introspectable in _introspectables(config):
        info = introspectable.action_info
        owner = next((name for name, folder in folders.items() if Path(info.file).is_relative_to(folder)), "core")
        found[owner].append((category, str(introspectable.title), f"{info.file}:{info.line}"))
    return [line for name, rows in found.items() if rows for line in ("", name, *aligned(sorted(set(rows))))]


def _introspectables(config: Any) -> list[tuple[str, Any]]:
    from marketcore.directives import CATEGORIES

    return [
        (category, item["introspectable"])
        for category in (*CATEGORIES, *_PYRAMID)
        for item in config.introspector.get_category(category) or ()
    ]


@plugins.command()
@click.argument("name")
@click.option(
    "--directory", default=".", type=click.Path(file_okay=False), help="Folder to make it in (default: here)."
)
def new(name: str, directory: str) -> None:
    """Make the beginnings of a plugin called NAME, whose own tests pass."""
    from marketcore.cli.new_plugin import create

    folder = create(name, Path(directory))
    click.echo(f"made {folder}; next: pip install --editable {folder} and add {name!r} to marketcore.plugins")


@plugins.command()
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Show what would be dropped, and drop nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def purge(configuration: Configuration, name: str, dry_run: bool, yes: bool) -> None:
    """Drop everything that the disabled plugin NAME keeps in the database."""
    from marketcore.cli import purging

    with configuration.servers(process="purge") as settings:
        core = core_settings(settings)
        location = purging.locate(name, core["plugins"])
        losses = purging.losses(core["database_url"], name, location)
        if not losses:
            click.echo(f"the plugin {name!r} keeps nothing in this database")
            return
        for loss in losses:
            click.echo(loss)
        if dry_run:
            click.echo("nothing was dropped")
            return
        if not yes:
            click.confirm(f"Drop all of this and its data, for ever, from {name!r}?", abort=True)
        purging.purge(core["database_url"], name)
        click.echo(f"everything of {name!r} was dropped")


commands = (plugins,)
