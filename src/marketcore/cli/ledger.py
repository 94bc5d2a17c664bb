"""``marketcore ledger``."""

from __future__ import annotations

import click

from marketcore.cli.configuration import Configuration


@click.group()
def ledger() -> None:
    """Look after the books."""


@ledger.command()
@click.pass_obj
def verify(configuration: Configuration) -> None:
    """Recompute everything the ledger says; exit with 1 if anything differs."""
    from marketcore.ledger import verify as books

    with configuration.application(process="ledger") as registry, registry["engine"].connect() as connection:
        text, code = books.report(books.verify(connection, books.checks_of(registry)))
    click.echo(text)
    raise click.exceptions.Exit(code)


commands = (ledger,)
