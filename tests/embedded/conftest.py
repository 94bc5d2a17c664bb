"""Processes as the tests see them: started, watched through /proc, killed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from marketcore.embedded import EmbeddedPostgres, EmbeddedValkey
from marketcore.embedded.privileges import DIRECT, SETUID, USERNS, user_namespaces_work

ROOT_MODES = [USERNS, SETUID] if user_namespaces_work() else [SETUID]
MODES = ROOT_MODES if os.geteuid() == 0 else [DIRECT]
HERE = Path(__file__).parent
PATIENCE = 60


@dataclass
class Processes:
    """Start scripts of this folder in processes of their own, and look at any process of the machine."""

    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def script(self, name: str, argument: dict[str, Any], **options: Any) -> subprocess.Popen[str]:
        """Start ``name`` with its argument as JSON; its lines are read from ``stdout``."""
        process = subprocess.Popen(
            [sys.executable, str(HERE / name), json.dumps(argument)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **options.pop("env", {})},
            text=True,
            **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **options},
        )
        self.started.append(process)
        return process

    @staticmethod
    def running(pid: int) -> bool:
        """Tell whether ``pid`` is a live process: neither gone nor waiting to be reaped."""
        return _stat(pid)[0] not in "ZX"

    @staticmethod
    def parent(pid: int) -> int:
        """Return the parent of ``pid``, 0 if it is gone."""
        return int(_stat(pid)[1])

    def children(self, pid: int) -> list[int]:
        """Return the live children of ``pid``."""
        return [each for each in self.all() if self.parent(each) == pid and self.running(each)]

    @staticmethod
    def command(pid: int) -> list[str]:
        """Return the command line of ``pid``."""
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")

    @staticmethod
    def all() -> list[int]:
        """Return every process id."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]

    @staticmethod
    def eventually(condition: Callable[[], bool]) -> bool:
        """Wait until the condition holds; return False if it does not within a minute."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def close(self) -> None:
        """Kill what the test has left."""
        for process in self.started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ["X", "0"]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Give each mode in which this user can run PostgreSQL."""
    return request.param


@pytest.fixture
def processes() -> Iterator[Processes]:
    """Give processes that do not outlive the test."""
    processes = Processes()
    yield processes
    processes.close()


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Callable[..., EmbeddedPostgres]]:
    """Give a maker of PostgreSQL servers that are stopped after the test."""
    made: list[EmbeddedPostgres] = []

    def make(folder: Path = tmp_path / "postgres", **options: Any) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(folder, **{"durable": False, **options}))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """Give a Valkey server, not yet started, that is stopped after the test."""
    server = EmbeddedValkey(tmp_path / "valkey")
    yield server
    server.stop()
