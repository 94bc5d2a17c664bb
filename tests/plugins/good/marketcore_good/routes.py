"""Addresses."""


def includeme(config):
    config.add_route("good.things", "/api/v1/good/things")
