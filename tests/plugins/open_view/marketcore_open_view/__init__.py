"""A plugin with a view that names no permission; ``open_view.way`` says how it hopes to get away with it."""

import colander
from pyramid.config import PHASE3_CONFIG

from marketcore.plugins import Plugin

plugin = Plugin("open_view", "Open view")


class Way(colander.MappingSchema):
    way = colander.SchemaNode(colander.String(), missing="plain")


def everything(request):
    return {}


def includeme(config):
    way = config.add_settings_schema("open_view", Way())["way"]
    config.add_route("open_view.everything", "/api/v1/everything")
    config.add_view(everything, route_name="open_view.everything", renderer="json")
    if way == "default":
        config.set_default_permission("public")
    if way == "late default":
        config.action("late", lambda: config.set_default_permission("public"), order=PHASE3_CONFIG - 5)
