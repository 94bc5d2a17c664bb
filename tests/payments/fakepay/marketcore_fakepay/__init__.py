"""Fakepay: a provider with idempotent starts, honest answers to questions and signed webhooks."""

from __future__ import annotations

import colander

from marketcore.plugins import Plugin

plugin = Plugin("fakepay", "Fakepay")


class FakepaySettings(colander.MappingSchema):
    base_url = colander.SchemaNode(colander.String())
    secret = colander.SchemaNode(colander.String())
    features = colander.SchemaNode(colander.String(), missing="")


def includeme(config):
    from marketcore_fakepay.indoors import Counter, Doorstep, Purse
    from marketcore_fakepay.provider import Fakepay

    settings = config.add_settings_schema("fakepay", FakepaySettings())
    config.add_payment_provider("fakepay", Fakepay(**{**settings, "secret": settings["secret"].encode()}))
    for provider in (Purse(), Doorstep(), Counter()):
        config.add_payment_provider(provider.name, provider)
