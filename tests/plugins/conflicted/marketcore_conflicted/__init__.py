"""A plugin that cannot live with another."""

from marketcore.plugins import Plugin

plugin = Plugin("conflicted", "Conflicted", conflicts=("good",))


def includeme(config):
    """Add nothing."""
