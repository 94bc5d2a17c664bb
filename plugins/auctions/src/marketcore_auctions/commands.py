"""``marketcore auctions``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from marketcore.cli.configuration import Configuration


@click.group()
def auctions() -> None:
    """Look after auctions."""


@auctions.command("replay")
@click.argument("auction_id", type=click.IntRange(1))
@click.option("--file", type=click.File("rb"), help="A log as GET /api/v1/auctions/ID/log answers it, '-' for stdin.")
@click.pass_obj
def replay_log(configuration: Configuration, auction_id: int, file: Any) -> None:
    """Run the engine over an auction's log: it has to say the same. Exits with 1 where it does not."""
    from marketcore_auctions.replay import replay

    result = replay(_from_file(file) if file else _from_database(configuration, auction_id))
    for difference in result.differences:
        click.echo(difference)
    click.echo(_summary(auction_id, result))
    if result.differences or not result.entries:
        raise SystemExit(1)


def _from_file(file: Any) -> Iterator[tuple[str, str]]:
    from marketcore.web.json import loads

    for item in loads(file.read())["items"]:
        yield item["text"], item["hash"]


def _from_database(configuration: Configuration, auction_id: int) -> Iterator[tuple[str, str]]:
    from sqlalchemy import text

    entries = text("SELECT text, hash FROM auctions_log WHERE auction_id = :id ORDER BY seq")
    with configuration.application() as registry, registry["engine"].connect() as connection:
        for row in connection.execution_options(yield_per=1000).execute(entries, {"id": auction_id}):
            yield row.text, row.hash


def _summary(auction_id: int, result: Any) -> str:
    from marketcore.money import Money

    if not result.entries:
        return f"there is no log of an auction {auction_id}"
    verdict = f"{len(result.differences)} differences" if result.differences else "the log and the engine agree"
    won = f", to {result.winner} for {Money(result.price_minor, result.currency)}" if result.winner else ""
    return (
        f"auction {auction_id}: {result.bids} bids in {result.entries} entries, {result.outcome}{won}; "
        f"head {result.head[:16]}; {verdict}"
    )
