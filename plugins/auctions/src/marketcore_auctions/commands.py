"""``marketcore auctions``."""

from __future__ import annotations

from collections.abc import Iterator
from json import JSONDecoder
from typing import Any

import click

from marketcore.cli.configuration import Configuration


@click.group()
def auctions() -> None:
    """Look after auctions."""


@auctions.command("replay")
@click.argument("auction_id", type=click.IntRange(1))
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.File("rb"),
    help="A log as GET /api/v1/auctions/ID/log answers it, '-' for stdin. Pages follow each other, in files of their "
    "own (give the option again) or in one.",
)
@click.option("--head", help="The hash that the log has to end with, as the auction's log_head tells it.")
@click.pass_obj
def replay_log(configuration: Configuration, auction_id: int, files: tuple[Any, ...], head: str | None) -> None:
    """Run the engine over an auction's log: it has to say the same. Exits with 1 where it does not.

    From the database (without --file) the log is also compared with everything else that is kept of the auction.
    """
    result = _from_files(files, auction_id) if files else _from_database(configuration, auction_id)
    if head is not None and head != result.head:
        result.differ(f"the log ends with {result.head}, not with {head}: entries are missing, or others")
    for difference in result.differences:
        click.echo(difference)
    click.echo(_summary(auction_id, result))
    if result.differences or not result.entries:
        raise SystemExit(1)


def _from_files(files: tuple[Any, ...], auction_id: int) -> Any:
    from marketcore_auctions.replay import replay

    result = replay((entry for file in files for entry in _entries(file)), auction_id)
    if result.outcome == "open":
        result.differ("the log does not tell how the auction ended: give all of its pages, in order")
    return result


def _entries(file: Any) -> Iterator[tuple[str, str]]:
    """Yield the (text, hash) of every entry in a file of one page or more."""
    try:
        written, place = file.read().decode(), 0
        while rest := written[place:].lstrip():
            page, length = JSONDecoder().raw_decode(rest)
            place = len(written) - len(rest) + length
            yield from [(str(item["text"]), str(item["hash"])) for item in page["items"]]
    except (ValueError, LookupError, TypeError) as error:
        raise click.ClickException(f"{file.name} is no page of a log: {type(error).__name__}: {error}") from None


def _from_database(configuration: Configuration, auction_id: int) -> Any:
    from marketcore_auctions.auditing import audit

    with configuration.application() as registry:
        return audit(registry["engine"], auction_id)


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
