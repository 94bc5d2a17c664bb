"""A plugin whose includeme fails."""

from marketcore.plugins import Plugin

plugin = Plugin("faulty", "Faulty")


def includeme(config):
    config.include(".nowhere")
