"""Tables of plugins: applied when enabled, kept when disabled, taken back on request."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from marketcore.db import migrate
from marketcore.plugins import migration_locations
from marketcore.testing.databases import database_from


@pytest.fixture
def empty_database(servers):
    """The URL of a database without any table."""
    with database_from(servers[0], "template0") as url:
        yield url


def query(url, sql):
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(sql))
            return list(result) if result.returns_rows else []
    finally:
        engine.dispose()


def schema(url):
    """Everything the database consists of, as it describes itself."""
    return {
        tuple(row)
        for row in query(
            url,
            "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
        )
    }


def test_the_scripts_of_an_installed_but_disabled_plugin_are_found(plugin_path):
    plugin_path("good", "needy")
    locations = migration_locations()
    assert locations["good"].parts[-3:] == ("marketcore_good", "migrations", "versions")
    assert "needy" not in locations


def test_a_disabled_plugin_leaves_the_schema_as_the_core_made_it(plugin_path, empty_database):
    plugin_path("good")
    migrate.upgrade(empty_database, [], migration_locations())
    core = schema(empty_database)
    assert core
    assert not [row for row in core if row[0].startswith("good")]
    migrate.upgrade(empty_database, ["good"], migration_locations())
    assert {row[0] for row in schema(empty_database) - core} == {"good_things"}


def test_migrations_go_up_down_and_up_again(plugin_path, empty_database):
    plugin_path("good")
    locations = migration_locations()
    assert "good_0001" in migrate.upgrade(empty_database, ["good"], locations)
    first = schema(empty_database)
    migrate.downgrade(empty_database, "good@base", locations)
    assert "good_things" not in {row[0] for row in schema(empty_database)}
    assert migrate.upgrade(empty_database, ["good"], locations) == ["good_0001"]
    assert schema(empty_database) == first


def test_rows_survive_while_their_plugin_is_disabled(plugin_path, make_market):
    plugin_path("good")
    market = make_market("good")
    market.query("INSERT INTO good_things (name) VALUES ('kept')")
    url = market.settings["marketcore.database_url"]
    assert migrate.upgrade(url, [], migration_locations()) == []
    assert migrate.is_current(url, [], migration_locations())
    assert migrate.is_current(url, ["good"], migration_locations())
    assert market.query("SELECT name FROM good_things") == [("kept",)]
    assert migrate.upgrade(url, ["good"], migration_locations()) == []


def test_a_database_is_not_current_before_the_plugin_is_migrated(plugin_path, empty_database):
    plugin_path("good")
    migrate.upgrade(empty_database, [], migration_locations())
    assert migrate.is_current(empty_database, [], migration_locations())
    assert not migrate.is_current(empty_database, ["good"], migration_locations())
