"""The other half of a circle."""

from marketcore.plugins import Plugin

plugin = Plugin("egg", "Egg", requires=("hen",))


def includeme(config):
    """Add nothing."""
