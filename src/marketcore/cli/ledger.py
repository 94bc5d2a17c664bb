"""``marketcore ledger``."""

from __future__ import annotations

import click

from marketcore.cli.configuration import Configuration, core_settings


@click.group()
def ledger() -> None:
    """Look after the books."""


@ledger.command()
@click.pass_obj
def verify(configuration: Configuration) -> None:
    """Recompute everything the ledger says; exit with 1 if anything differs."""
    from marketcore.db.session import make_engine
    from marketcore.ledger import verify as books

    checks = books.checks_of(configuration.inspected().registry)
    with configuration.servers(process="ledger") as settings:
        engine = make_engine(core_settings(settings)["database_url"], pool_size=1)
        try:
            with engine.connect() as connection:
                text, code = books.report(books.verify(connection, checks))
        finally:
            engine.dispose()
    click.echo(text)
    raise click.exceptions.Exit(code)


commands = (ledger,)
