"""Pyramid's configurator, made safe for plugins: nothing is replaced or opened unseen, every fault is explained."""

from __future__ import annotations

import traceback
from typing import Any

from pyramid.config import Configurator
from pyramid.exceptions import ConfigurationConflictError, ConfigurationExecutionError
from pyramid.exceptions import ConfigurationError as PyramidConfigurationError

from marketcore.exceptions import ConfigurationError


class ClaimedTwice(ConfigurationError, ConfigurationConflictError):
    """Two registrations claim one name; the message has a line for each name, with both files."""

    def __init__(self, conflicts: Any) -> None:
        ConfigurationConflictError.__init__(self, conflicts)

    def __str__(self) -> str:
        lines = [f"{_named(claimed)} is claimed {_by(infos)}" for claimed, infos in self._conflicts.items()]
        return "\n".join(lines) + "; rename one, or take one of the plugins out of marketcore.plugins"


class MarketConfigurator(Configurator):
    """The configurator that the core and every plugin's ``includeme`` get."""

    def commit(self) -> None:
        """Carry out what was declared; ``ConfigurationError`` says what is wrong, where.

        Only the application commits. After a commit Pyramid no longer sees conflicts with what came before, so
        an ``includeme`` that commits could replace the core's registrations silently.
        """
        if self.includepath:
            raise ConfigurationError(
                f"{_caller()} calls config.commit(), after which it could replace what others registered: remove it"
            )
        try:
            super().commit()
        except ConfigurationConflictError as conflict:
            raise ClaimedTwice(conflict._conflicts) from None
        except ConfigurationExecutionError as failed:
            if not isinstance(failed.evalue, (ConfigurationError, PyramidConfigurationError)):
                raise
            raise ConfigurationError(f"{failed.evalue} ({_place(failed.info)})") from failed

    def set_default_permission(self, permission: Any) -> None:
        """Refuse: a default would open or close the views of everybody else."""
        raise ConfigurationError(
            f"{_caller()} calls config.set_default_permission({permission!r}): every view names its permission here; "
            "remove the call and give permission=… to the views"
        )

    def set_up(self, name: str, module: Any, distribution: str) -> None:
        """Include the plugin ``name``; whatever its ``includeme`` raises is told with the plugin's name.

        A plugin's settings live under its own name and nowhere else, so that they can stay when it is disabled.
        """
        sections = self.registry.setdefault("settings_sections", {})
        before = set(sections)
        try:
            self.include(module)
        except ConfigurationConflictError as conflict:
            raise ClaimedTwice(conflict._conflicts) from None
        except ConfigurationError:
            raise
        except Exception as error:
            raise ConfigurationError(
                f"the plugin {name!r} ({distribution}) cannot be set up: {type(error).__name__}: {error} "
                f"({_last_place(error)}); repair it or take {name!r} out of marketcore.plugins"
            ) from error
        for prefix in sorted(set(sections) - before - {name}):
            raise ConfigurationError(
                f"the plugin {name!r} claims the settings prefix {prefix!r}: settings of a plugin are under its name; "
                f"use add_settings_schema({name!r}, …)"
            )


def _named(claimed: Any) -> str:
    if isinstance(claimed, tuple) and claimed[0] == "view":
        return f"the view of route {claimed[3]!r}"
    if isinstance(claimed, tuple) and len(claimed) > 1:
        return f"{claimed[0]} {claimed[1]!r}"
    return str(getattr(claimed, "__name__", claimed))


def _by(infos: Any) -> str:
    return " and ".join(f"by {_place(info)}" for info in infos)


def _place(info: Any) -> str:
    return f"{info.file}, line {info.line}"


def _caller() -> str:
    frame = traceback.extract_stack(limit=3)[0]
    return f"{frame.filename}, line {frame.lineno},"


def _last_place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}, line {frame.lineno}"
