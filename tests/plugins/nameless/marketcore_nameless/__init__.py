"""A distribution that says it is a plugin and is none."""


def includeme(config):
    """Add nothing."""
