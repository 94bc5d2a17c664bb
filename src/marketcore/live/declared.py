"""What was declared for live clients, put together once all plugins have spoken; and this process's sender."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketcore.directives import LiveChannel, LiveEventType, channel_shape, table
from marketcore.exceptions import ConfigurationError
from marketcore.live.channels import Channels
from marketcore.live.sender import Sender
from marketcore.settings import section

AFTER_DECLARATIONS = 1000


def compile_declarations(registry: Any) -> None:
    """Set ``registry["live channels"]`` to the declared ``Channels`` and check events and commands against the rest.

    ``registry["live event types"]`` maps each channel pattern to its ``LiveEventType``s by type.
    """
    declared = table(registry, "live channels")
    try:
        registry["live channels"] = Channels({pattern: channel.path for pattern, channel in declared.items()})
    except ValueError as error:
        raise ConfigurationError(f"add_live_channel: {error}") from None
    registry["live event types"] = _events_by_channel(declared, table(registry, "live events"))
    _check_permissions(registry)


def _events_by_channel(
    channels: Mapping[str, LiveChannel], events: Mapping[str, LiveEventType]
) -> dict[str, dict[str, LiveEventType]]:
    patterns = {channel_shape(pattern): pattern for pattern in channels}
    found: dict[str, dict[str, LiveEventType]] = {pattern: {} for pattern in channels}
    for event in events.values():
        pattern = patterns.get(channel_shape(event.pattern))
        if pattern is None:
            raise ConfigurationError(
                f"add_live_event: {event.type!r} is declared for the channel {event.pattern!r}, which nobody declares: "
                "declare it with add_live_channel, or enable the plugin that does"
            )
        found[pattern][event.type] = event
    return found


def _check_permissions(registry: Any) -> None:
    declared = table(registry, "permissions declared")
    for command in table(registry, "live commands").values():
        if command.permission not in declared:
            raise ConfigurationError(
                f"the live command {command.name!r} asks for the permission {command.permission!r}, which is not "
                f"declared: add config.declare_permission({command.permission!r}, to=…)"
            )


def includeme(config: Any) -> None:
    """Compile when the configuration is committed."""
    registry = config.registry
    config.action("compile live declarations", compile_declarations, args=(registry,), order=AFTER_DECLARATIONS)
    registry["live sender"] = Sender(section(registry, "marketcore")["redis_url"])
