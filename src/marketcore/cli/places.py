"""``marketcore places``."""

from __future__ import annotations

from typing import TextIO

import click

from marketcore.cli.configuration import Configuration


@click.group()
def places() -> None:
    """Look after the provinces and cities that addresses lie in."""


@places.command("import")
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@click.pass_obj
def import_places(configuration: Configuration, file: TextIO) -> None:
    """Add the places of FILE: a line country,province,city each; what is there already stays."""
    from marketcore.addresses.importing import read_places
    from marketcore.addresses.places import Places
    from marketcore.db.session import perform

    rows = read_places(file)
    with configuration.application(process="places") as registry:
        provinces, cities = perform(registry, lambda request: request.find_service(Places).load(rows))
    click.echo(f"{provinces} provinces and {cities} cities added")


commands = (places,)
