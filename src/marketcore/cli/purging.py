"""What a plugin keeps in the database, and getting rid of it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, create_engine, text

from marketcore.db.migrate import alembic_config, downgrade
from marketcore.db.session import psycopg_url
from marketcore.exceptions import ConfigurationError
from marketcore.plugins import installed, migration_locations

_OBJECTS = text(
    """
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' ELSE 'table' END || ' ' || c.relname AS thing
    FROM pg_class AS c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND c.relname <> 'alembic_version'
    UNION ALL
    SELECT 'column ' || table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT 'index ' || tablename || '.' || indexname FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'trigger ' || tgrelid::regclass || '.' || tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure FROM pg_proc AS p
    WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
    """
)


def locate(name: str, enabled: Collection[str]) -> Path:
    """Return the migrations of the installed plugin ``name``; ``ConfigurationError`` if it may not be purged."""
    if name in enabled:
        raise ConfigurationError(f"the plugin {name!r} is enabled: take it out of marketcore.plugins and restart first")
    if name not in installed():
        raise ConfigurationError(
            f"the plugin {name!r} is not installed (installed: {', '.join(sorted(installed())) or 'none'}): "
            "install it, for only its own scripts know what it made"
        )
    if name not in migration_locations():
        raise ConfigurationError(f"the plugin {name!r} has no migrations, and so nothing to purge")
    return migration_locations()[name]


def losses(url: str, name: str, location: Path) -> list[str]:
    """Return a line for each thing that purging would drop; found by doing it and rolling back."""
    engine = create_engine(psycopg_url(url), connect_args={"options": "-c lock_timeout=5s"})
    try:
        with engine.connect() as connection:
            if not _applied(connection, location):
                return []
            counts = _counts(connection)
            before = _objects(connection)
            command.downgrade(alembic_config(connection, migration_locations()), f"{name}@base")
            gone = before - _objects(connection)
            connection.rollback()
    finally:
        engine.dispose()
    tables = {thing.partition(" ")[2] for thing in gone if thing.startswith("table ")}
    return [
        f"{thing} ({counts[thing]} rows)" if thing in counts else thing
        for thing in sorted(gone)
        if thing.startswith("table ") or thing.partition(" ")[2].partition(".")[0] not in tables
    ]


def purge(url: str, name: str) -> None:
    """Take the plugin's migrations back; its rows are gone afterwards."""
    downgrade(url, f"{name}@base", migration_locations())


def _applied(connection: Connection, location: Path) -> bool:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return False
    from alembic.script import ScriptDirectory

    heads = tuple(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
    scripts = ScriptDirectory.from_config(alembic_config(None, migration_locations())).get_all_current(heads)
    return any(Path(script.path).parent == location for script in scripts)


def _objects(connection: Connection) -> set[str]:
    return set(connection.execute(_OBJECTS).scalars())


def _counts(connection: Connection) -> dict[str, int]:
    tables = [thing for thing in _objects(connection) if thing.startswith("table ")]
    return {
        table: connection.execute(text(f'SELECT count(*) FROM "{table.removeprefix("table ")}"')).scalar_one()
        for table in tables
    }
