"""Servers started by marketcore itself, for development, tests and small sites on one machine.

Where the configuration says ``embedded``, a process uses the server already running for its data folder, or
starts one for its own duration. A process that joins depends on the one that started: on one machine, leave
``marketcore run`` running and everything else joins it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from marketcore.embedded.errors import EmbeddedServerError
from marketcore.embedded.postgres import EmbeddedPostgres
from marketcore.embedded.server import EmbeddedServer
from marketcore.embedded.valkey import EmbeddedValkey

__all__ = [
    "EMBEDDED",
    "EmbeddedPostgres",
    "EmbeddedServerError",
    "EmbeddedValkey",
    "normal_database_url",
    "running_servers",
]

EMBEDDED = "embedded"

_DRIVER = "postgresql+psycopg://"


@contextmanager
def running_servers(
    data_dir: Path, *, database_url: str, redis_url: str, durable: bool = True
) -> Iterator[tuple[str, str]]:
    """Yield usable ``(database_url, redis_url)``, running what is ``embedded`` for the duration of the block.

    Embedded servers keep their files in ``data_dir/postgres`` and ``data_dir/valkey``. A server that another
    process runs for the same folder is used and left running; one started here is stopped at the end. Any
    other URL is passed through. Raises ``EmbeddedServerError`` naming the remedy where a server cannot run.
    """
    with ExitStack() as stack:
        if database_url == EMBEDDED:
            database_url = _run(EmbeddedPostgres(data_dir / "postgres", durable=durable), stack)
        if redis_url == EMBEDDED:
            redis_url = _run(EmbeddedValkey(data_dir / "valkey"), stack)
        yield normal_database_url(database_url), redis_url


def normal_database_url(url: str) -> str:
    """Return a PostgreSQL URL with psycopg 3 as its driver; leave URLs that name a driver as they are.

    >>> normal_database_url("postgres://db.example/shop")
    'postgresql+psycopg://db.example/shop'
    """
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return _DRIVER + url.removeprefix(scheme)
    return url


def _run(server: EmbeddedServer, stack: ExitStack) -> str:
    stack.callback(server.stop)
    return server.start()
