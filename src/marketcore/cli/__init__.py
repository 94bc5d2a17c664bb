"""The command line: ``marketcore -c FILE COMMAND``.

Starting has to be quick, so this package imports nothing but click; a command imports what it needs when it runs.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import Any

import click

from marketcore.cli.configuration import Configuration

# Each module offers ``commands``, a tuple of click commands.
MODULES = (
    "marketcore.cli.running",
    "marketcore.cli.processes",
    "marketcore.cli.migrating",
    "marketcore.cli.plugins",
    "marketcore.cli.jobs",
    "marketcore.cli.ledger",
    "marketcore.cli.money",
    "marketcore.cli.users",
    "marketcore.cli.places",
    "marketcore.cli.sample",
    "marketcore.cli.tour",
)
# A plugin's entry points of this group are click commands, called as they are named.
PLUGIN_COMMANDS = "marketcore.commands"
_OPTION = "config_file"


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
        if not any(parameter.name == _OPTION for parameter in cmd.params):
            cmd.params.append(_config_option())
        super().add_command(cmd, name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the platform's commands and of the installed plugins'."""
        return sorted({*super().list_commands(ctx), *(entry.name for entry in plugin_commands())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; a plugin's is imported only when it is asked for."""
        if cmd_name not in self.commands:
            for entry in plugin_commands():
                if entry.name == cmd_name:
                    self.add_command(entry.load(), cmd_name)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it refuses is told, what is broken keeps its traceback."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            message = explanation(error)
            if message is None:
                raise
            raise Refused(message) from error


def plugin_commands() -> Any:
    """Return the entry points of commands that installed plugins bring."""
    from importlib.metadata import entry_points

    return entry_points(group=PLUGIN_COMMANDS)


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
        ["-c", "--config", _OPTION],
        metavar="FILE",
        help="Configuration to use (default: $MARKETCORE_CONFIG, else ./development.ini).",
        expose_value=False,
        is_eager=True,
        callback=_remember,
    )


def _remember(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if ctx.obj is None:
        ctx.obj = Configuration()
    ctx.obj.option = value or ctx.obj.option


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
    # Pyramid asks for a module that announces its own end on standard error, at every start.
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
    return build()(arguments, prog_name="marketcore")
