"""``marketcore user``."""

from __future__ import annotations

import click

from marketcore.cli.configuration import Configuration


@click.group()
def user() -> None:
    """Look after accounts."""


@user.command()
@click.option("--email", required=True, help="E-mail address to log in with.")
@click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="Asked for if it is not given; given here, other programs can see it.",
)
@click.option("--role", "roles", multiple=True, required=True, help="buyer, seller or admin; may be repeated.")
@click.pass_obj
def create(configuration: Configuration, email: str, password: str, roles: tuple[str, ...]) -> None:
    """Make an account; the first administrator is made this way."""
    from marketcore.db.session import perform
    from marketcore.identity.services import create_user

    with configuration.application(process="user") as registry:
        user_id = perform(registry, create_user, email, password, roles)
    click.echo(f"user {user_id} created: {email} ({', '.join(roles)})")


commands = (user,)
