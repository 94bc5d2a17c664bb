"""Fakebank: two payout providers of one bank, which asks no questions about ids and pays whatever it is told."""

from __future__ import annotations

import colander

from marketcore.plugins import Plugin

plugin = Plugin("fakebank", "Fakebank")


class FakebankSettings(colander.MappingSchema):
    base_url = colander.SchemaNode(colander.String())
    secret = colander.SchemaNode(colander.String())
    timeout = colander.SchemaNode(colander.Integer(), missing=10)


def includeme(config):
    from marketcore_fakebank.provider import Fakebank, Fakewire

    settings = config.add_settings_schema("fakebank", FakebankSettings())
    for provider in (Fakebank, Fakewire):
        built = provider(settings["base_url"], settings["secret"].encode(), settings["timeout"])
        config.add_payout_provider(built.name, built)
