"""The tables are as the models say, and come and go with the plugin's migrations."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marketcore.db import migrate
from marketcore.db.metadata import core_metadata
from marketcore.plugins import migration_locations
from marketcore.testing.databases import database_from
from marketcore_social_login import models

MODELS = {models.Flow.__tablename__, models.Link.__tablename__}


def test_the_tables_are_as_the_models_say(market):
    tables = {name for name in core_metadata().tables if name.startswith("social_login_")}
    assert tables >= MODELS

    def ours(_entry, name, kind, _reflected, _other):
        return kind != "table" or name.startswith("social_login_")

    with market.registry["engine"].connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, core_metadata()) == []


def test_the_migrations_go_down_and_up_again(servers, templates):
    with database_from(servers[0], templates("social_login", "two_factor")) as url:
        migrate.downgrade(url, "social_login@base", migration_locations())
        assert not migrate.is_current(url, ["social_login"], migration_locations())
        assert len(migrate.upgrade(url, ["social_login"], migration_locations())) == 1
        assert migrate.is_current(url, ["social_login"], migration_locations())
