"""``marketcore sample-data``."""

from __future__ import annotations

from typing import Any

import click

from marketcore.cli.configuration import Configuration


@click.command("sample-data")
@click.pass_obj
def sample_data(configuration: Configuration) -> None:
    """Make accounts and products for a first look; development only."""
    with configuration.application(process="sample-data") as registry:
        load(registry)


def load(registry: Any) -> None:
    """Make the sample, if there is room for it, and say what was made."""
    from marketcore.db.session import perform
    from marketcore.sample import load_sample

    for line in perform(registry, load_sample) or ["there are accounts already: nothing was made"]:
        click.echo(line)


commands = (sample_data,)
