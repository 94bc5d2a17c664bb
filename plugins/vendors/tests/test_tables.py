"""The tables of vendors: as the models say, there and gone again."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marketcore.db import migrate
from marketcore.db.base import Base
from marketcore.db.session import make_engine
from marketcore.plugins import migration_locations
from marketcore.testing.databases import database_from
from marketcore_vendors import models


def _ours(_entry, name, kind, _reflected, _other):
    return kind != "table" or name.startswith("vendors_")


def test_the_tables_are_as_the_models_say_and_go_and_come_again(servers, templates):
    assert models.KycDocument.__table__.metadata is Base.metadata
    with database_from(servers[0], templates("vendors")) as url:
        migrate.downgrade(url, "vendors@base", migration_locations())
        assert not migrate.is_current(url, ["vendors"], migration_locations())
        assert migrate.upgrade(url, ["vendors"], migration_locations()) == ["vendors_0001"]
        assert compared(url) == []


def compared(url):
    """Return what sets the tables of the database apart from the models."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_object": _ours})
            return compare_metadata(context, Base.metadata)
    finally:
        engine.dispose()
