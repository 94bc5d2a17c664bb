"""A plugin for a plugin contract that does not exist yet."""

from marketcore.plugins import Plugin

plugin = Plugin("future", "Future", api_version=99)


def includeme(config):
    """Add nothing."""
