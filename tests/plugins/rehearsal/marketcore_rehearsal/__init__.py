"""A plugin with a process that only development may run."""

from marketcore.plugins import Plugin

plugin = Plugin("rehearsal", "Rehearsal")


def serve(registry):
    print("rehearsed")


def includeme(config):
    config.add_process("rehearsal", serve, development_only=True)
