"""Which channels a notification takes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

CHANNELS = ("in_app", "email", "sms")


def chosen_channels(defaults: Collection[str], choices: Mapping[str, bool], optional: bool) -> set[str]:
    """Return the channels of a type for a person with these ``choices``; what is not ``optional`` always comes."""
    if not optional:
        return set(defaults)
    return {channel for channel in CHANNELS if choices.get(channel, channel in defaults)}
