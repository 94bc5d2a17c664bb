"""``marketcore tour``."""

from __future__ import annotations

import click

from marketcore.cli.configuration import Configuration


@click.command()
@click.pass_obj
def tour(configuration: Configuration) -> None:
    """Drive a purchase and an auction against the running system, step by step."""
    from marketcore.cli.auction_guide import WholeTour

    sections = configuration.sections("web", "live", "orders", "simulator")
    guide = WholeTour(
        web=f"http://127.0.0.1:{sections['web']['port']}",
        live=f"ws://127.0.0.1:{sections['live']['port']}",
        simulator=f"http://127.0.0.1:{sections['simulator']['port']}",
        commission_bp=sections["orders"]["commission_bp"],
        say=click.echo,
    )
    guide.walk()
    click.echo(f"All {guide.steps} steps went as they should.")


commands = (tour,)
