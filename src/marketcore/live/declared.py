"""The channels that were declared, compiled once all plugins have spoken; and this process's sender of hints."""

from __future__ import annotations

from typing import Any

from marketcore.directives import table
from marketcore.exceptions import ConfigurationError
from marketcore.live.channels import Channels
from marketcore.live.sender import Sender
from marketcore.settings import section

AFTER_DECLARATIONS = 1000


def compile_channels(registry: Any) -> None:
    """Set ``registry["live channels"]`` to the declared ``Channels``."""
    declared = table(registry, "live channels")
    try:
        registry["live channels"] = Channels({pattern: channel.path for pattern, channel in declared.items()})
    except ValueError as error:
        raise ConfigurationError(f"add_live_channel: {error}") from None


def includeme(config: Any) -> None:
    """Compile when the configuration is committed."""
    registry = config.registry
    config.action("compile live channels", compile_channels, args=(registry,), order=AFTER_DECLARATIONS)
    registry["live sender"] = Sender(section(registry, "marketcore")["redis_url"])
