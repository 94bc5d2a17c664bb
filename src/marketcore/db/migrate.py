"""Migrations: one Alembic branch for the core and one per plugin, found for every installed plugin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, text

from marketcore.db.session import psycopg_url

if TYPE_CHECKING:
    # Imported where it is used: most processes never migrate, and it takes long to load.
    from alembic.config import Config
    from alembic.script import ScriptDirectory

CORE = "core"
FOLDER = Path(__file__).resolve().parent.parent / "migrations"
# Two processes that start at once must not migrate at once.
_LOCK = 7166405023441


def alembic_config(connection: Connection | None, locations: Mapping[str, Path], metadata: Any = None) -> Config:
    """Return Alembic's configuration over the core's folder and the plugins' ``locations``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "newline")
    versions = [FOLDER / "versions", *locations.values()]
    config.set_main_option("version_locations", "\n".join(str(path) for path in versions))
    config.attributes.update(connection=connection, metadata=metadata)
    return config


def upgrade(url: str, labels: Iterable[str], locations: Mapping[str, Path]) -> list[str]:
    """Bring the core and the plugins called ``labels`` to their newest revision; return what was applied, in order.

    Waits at most 5 s for any table lock, so that a long transaction stops the migration and not the shop.
    """
    from alembic import command

    with _connected(url) as connection:
        config = alembic_config(connection, locations)
        applied: list[str] = []
        config.attributes["on_version_apply"] = lambda step, **_rest: applied.append(step.up_revision_id)
        for label in (CORE, *(label for label in labels if label in locations)):
            command.upgrade(config, f"{label}@head")
        connection.commit()
        return applied


def downgrade(url: str, target: str, locations: Mapping[str, Path]) -> None:
    """Take a branch back to ``target``, for example ``auctions@base``."""
    from alembic import command

    with _connected(url) as connection:
        command.downgrade(alembic_config(connection, locations), target)
        connection.commit()


def is_current(url: str, labels: Iterable[str], locations: Mapping[str, Path]) -> bool:
    """Whether the core and the plugins called ``labels`` need no migration."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(alembic_config(None, locations))
    wanted = {
        str(script.as_revision_number(f"{label}@head"))
        for label in (CORE, *labels)
        if label == CORE or label in locations
    }
    with _connected(url) as connection:
        return wanted <= _reached(connection, script)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(psycopg_url(url), connect_args={"options": "-c lock_timeout=5s -c timezone=UTC"})
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            yield connection
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            connection.commit()
    finally:
        engine.dispose()


def _reached(connection: Connection, script: ScriptDirectory) -> set[str]:
    """Return the revision each branch has reached; the table leaves out those that another one depends on."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return set()
    heads = tuple(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
    connection.commit()
    return {reached.revision for reached in script.get_all_current(heads)}
