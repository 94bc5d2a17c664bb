"""The configuration a command works with, and the servers and application that it describes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marketcore.starting import collecting_later

# Where nothing is asked of a server, none has to run.
_NO_SERVERS = {"marketcore.database_url": "postgresql://unused", "marketcore.redis_url": "redis://unused"}


@dataclass
class Configuration:
    """The configuration file of a command (``-c``) and what it leads to; nothing is read before it is needed."""

    option: str | None = None

    @property
    def file(self) -> str:
        """The path of the file."""
        from marketcore.settings import config_path

        return config_path(self.option)

    def settings(self) -> dict[str, Any]:
        """Return the settings of the file, completed by the environment."""
        from marketcore.settings import read_settings

        return read_settings(self.file)

    def core(self) -> dict[str, Any]:
        """Return the checked ``marketcore.*``."""
        return core_settings(self.settings())

    def inspected(self) -> Any:
        """Return the configurator for a look at what is registered, without any server."""
        with collecting_later():
            from marketcore.config import configure

            return configure({**self.settings(), **_NO_SERVERS})

    def sections(self, *prefixes: str) -> dict[str, dict[str, Any]]:
        """Return the checked settings of ``prefixes``, such as ``"web"``; defaults are filled in.

        ``ConfigurationError`` names a prefix that belongs to a plugin that is not enabled.
        """
        from marketcore.exceptions import ConfigurationError

        found = self.inspected().registry["settings_sections"]
        for prefix in prefixes:
            if prefix not in found:
                raise ConfigurationError(f"this needs the plugin {prefix!r}: add {prefix!r} to marketcore.plugins")
        return {prefix: found[prefix] for prefix in prefixes}

    @contextmanager
    def servers(self, *, process: str = "") -> Iterator[dict[str, Any]]:
        """Yield the settings with the URLs of servers that run.

        Where the file says ``embedded``, the servers of its data folder are joined, or started for the duration
        of the block. The log is configured for ``process``.
        """
        with collecting_later():
            from marketcore.embedded import running_servers
            from marketcore.logging import configure_logging

            settings = self.settings()
            core = core_settings(settings)
        configure_logging(core, process=process)
        with running_servers(
            Path(core["data_dir"]), database_url=core["database_url"], redis_url=core["redis_url"]
        ) as (database_url, redis_url):
            yield {**settings, "marketcore.database_url": database_url, "marketcore.redis_url": redis_url}

    @contextmanager
    def application(self, *, process: str = "") -> Iterator[Any]:
        """Yield the registry of the configured application, with its servers running."""
        with self.servers(process=process) as settings:
            with collecting_later():
                from marketcore.config import configure

                registry = configure(settings).registry
            try:
                yield registry
            finally:
                registry["engine"].dispose()


def core_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the checked ``marketcore.*`` of ``settings``."""
    from marketcore.settings import CoreSettings, check_section

    return check_section("marketcore", CoreSettings(), settings)
