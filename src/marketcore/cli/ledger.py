"""``marketcore ledger``."""

from __future__ import annotations

import click

from marketcore.cli.files import core_settings, servers


@click.group()
def ledger() -> None:
    """Look after the books."""


@ledger.command()
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Recompute everything the ledger says; exit with 1 if anything differs."""
    from marketcore.db.session import make_engine
    from marketcore.ledger import verify as books

    with servers(ctx, process="ledger") as settings:
        engine = make_engine(core_settings(settings)["database_url"], pool_size=1)
        try:
            with engine.connect() as connection:
                text, code = books.report(books.verify(connection))
        finally:
            engine.dispose()
    click.echo(text)
    ctx.exit(code)


commands = (ledger,)
