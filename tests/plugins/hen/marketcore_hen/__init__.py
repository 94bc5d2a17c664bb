"""One half of a circle."""

from marketcore.plugins import Plugin

plugin = Plugin("hen", "Hen", requires=("egg",))


def includeme(config):
    """Add nothing."""
