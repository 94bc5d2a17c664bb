"""Everything a run needs, started when it is first asked for: PostgreSQL, Valkey, both sides, their processes."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.market import Market
from bench.peer import Peer
from bench.processes import Processes
from marketcore.embedded import running_servers

OPEN_FILES = 8192


@dataclass
class Stage:
    """The servers of a run; ``market`` and ``peer`` are prepared when they are first used."""

    folder: Path
    admin_url: str
    redis_url: str
    peer_python: Path
    processes: Processes = field(init=False)

    def __post_init__(self) -> None:
        self.processes = Processes(self.folder)

    @cached_property
    def market(self) -> Market:
        """marketcore with its goods."""
        market = self.another_market("market")
        market.prepare()
        return market

    def another_market(self, name: str) -> Market:
        """Return a marketplace that is not prepared yet."""
        return Market(self.folder, self.admin_url, self.redis_url, self.processes, name)

    @cached_property
    def peer(self) -> Peer:
        """The Django shop with its goods."""
        peer = Peer(self.folder, self.admin_url, self.redis_url, self.processes, self.peer_python)
        peer.prepare()
        return peer


@contextmanager
def stage(folder: Path, peer_python: Path) -> Iterator[Stage]:
    """Yield a stage with its files in ``folder``; at the end nothing of it runs any more."""
    _open_many_files()
    folder.mkdir(parents=True, exist_ok=True)
    with running_servers(folder / "servers", database_url="embedded", redis_url="embedded") as (database, redis):
        found = Stage(folder, database, redis, peer_python)
        try:
            yield found
        finally:
            found.processes.stop_all()


def _open_many_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))
