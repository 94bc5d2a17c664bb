"""A plugin that needs another."""

from marketcore.plugins import Plugin

plugin = Plugin("needy", "Needy", requires=("good",))


def includeme(config):
    config.declare_permission("needy", "member")
