"""The command line: ``marketcore -c FILE COMMAND``.

Starting has to be quick, so this package imports nothing but click; a command imports what it needs when it runs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from marketcore.cli.files import CONFIG_FILE

# Each module offers ``commands``, a tuple of click commands.
MODULES = (
    "marketcore.cli.running",
    "marketcore.cli.processes",
    "marketcore.cli.migrating",
    "marketcore.cli.plugins",
    "marketcore.cli.ledger",
    "marketcore.cli.users",
)


class Refused(click.ClickException):
    """What stops a command, told in one line without a traceback."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Write the message to standard error."""
        click.echo(f"marketcore: {self.message}", file=file, err=file is None)


class Commands(click.Group):
    """A group whose commands all take ``-c FILE``, before or after their name, and whose refusals are one line."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add ``cmd`` and give it the option ``-c``."""
        if not any(parameter.name == CONFIG_FILE for parameter in cmd.params):
            cmd.params.append(_config_option())
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it refuses is told, what is broken keeps its traceback."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            message = explanation(error)
            if message is None:
                raise
            raise Refused(message) from error


def explanation(error: Exception) -> str | None:
    """Return the line that tells ``error`` to an operator; ``None`` if it is a fault of the program."""
    from marketcore.exceptions import ConfigurationError, MarketError

    if isinstance(error, ConfigurationError):
        return str(error)
    if isinstance(error, MarketError):
        return "; ".join([error.detail, *(f"{field} {fault}" for field, fault in error.errors.items())])
    if "sqlalchemy" in sys.modules and isinstance(error, sys.modules["sqlalchemy"].exc.OperationalError):
        return _database_lost(error)
    if "marketcore.embedded" in sys.modules and isinstance(
        error, sys.modules["marketcore.embedded"].EmbeddedServerError
    ):
        return str(error)
    return None


def _database_lost(error: Any) -> str:
    from marketcore.redaction import redact_text

    reason = redact_text(str(error.orig).strip().splitlines()[0])
    return f"the database cannot be used: {reason}; check marketcore.database_url and that its server runs"


def _config_option() -> click.Option:
    return click.Option(
        ["-c", "--config", CONFIG_FILE],
        metavar="FILE",
        help="Configuration to use (default: $MARKETCORE_CONFIG, else ./development.ini).",
        expose_value=False,
        is_eager=True,
        callback=_remember,
    )


def _remember(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value:
        ctx.meta[CONFIG_FILE] = value


def build() -> Commands:
    """Return the program with the commands of every module."""
    program = Commands(name="marketcore", help="A modular marketplace backend.", params=[_config_option()])
    program = click.version_option(package_name="marketcore")(program)
    for module in MODULES:
        for command in import_module(module).commands:
            program.add_command(command)
    return program


def main(arguments: list[str] | None = None) -> Any:
    """Run the program (the console script ``marketcore``)."""
    return build()(arguments, prog_name="marketcore")
