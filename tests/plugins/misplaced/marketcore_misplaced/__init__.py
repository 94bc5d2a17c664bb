"""A plugin whose migrations are not where they are looked for; ``misplaced.way`` says how."""

import colander

from marketcore.plugins import Plugin

plugin = Plugin("misplaced", "Misplaced")


class Way(colander.MappingSchema):
    way = colander.SchemaNode(colander.String(), missing="undeclared")


def includeme(config):
    way = config.add_settings_schema("misplaced", Way())["way"]
    if way == "other label":
        config.add_migrations("mislaid", "marketcore_misplaced:migrations")
    if way == "other folder":
        config.add_migrations("misplaced", "marketcore_misplaced:alembic")
