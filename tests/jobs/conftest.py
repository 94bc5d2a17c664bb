"""A database with the tables of ``job_app``, its configuration in this process, and worker processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from marketcore.db.session import work

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import job_app  # noqa: E402


@dataclass
class Shop:
    """One configured process over a test's database."""

    settings: dict[str, Any]
    registry: Any
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def query(self, sql: str, **values: Any) -> list[Any]:
        with self.registry["engine"].begin() as connection:
            result = connection.execute(text(sql), values)
            return list(result) if result.returns_rows else []

    def labels(self, table: str = "effects") -> list[str]:
        return [label for (label,) in self.query(f"SELECT label FROM {table} ORDER BY id")]

    def enqueue(self, name: str, /, **arguments: Any) -> int:
        with work(self.registry) as request:
            job_id: int = request.enqueue(name, **arguments)
        return job_id

    def eventually(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        """Return what ``condition`` returns once it is true; fail after ``seconds``."""
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, f"still not true; jobs: {self.query('SELECT * FROM jobs')}"
            time.sleep(0.05)
        return result

    def await_empty(self) -> None:
        self.eventually(lambda: not self.query("SELECT 1 FROM jobs"))

    def worker(self, *, ticking: bool = False, crash_at: str = "", **settings: Any) -> subprocess.Popen[bytes]:
        """Start a worker process; ``settings`` are of the prefix ``jobs``."""
        given = {**self.settings, **{f"jobs.{key}": value for key, value in settings.items()}}
        environment = {
            **os.environ,
            "JOB_APP": json.dumps({"settings": given, "ticking": ticking}),
            "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path]),
            "PYTHONWARNINGS": "ignore",
        }
        if crash_at:
            environment["MARKETCORE_CRASH_AT"] = crash_at
        command = [sys.executable, "-c", "import job_app; job_app.main()"]
        self.workers.append(subprocess.Popen(command, env=environment))
        return self.workers[-1]

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """Ask a worker to end and return its exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def close(self) -> None:
        for process in self.workers:
            if process.poll() is None:
                process.kill()
            process.wait(10)
        self.registry["job caller"].settle()
        self.registry["engine"].dispose()


@pytest.fixture
def make_shop(make_settings: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., Shop]]:
    shops: list[Shop] = []

    def make(*, ticking: bool = False, **overrides: Any) -> Shop:
        settings = make_settings(**overrides)
        shops.append(Shop(settings, job_app.build(settings, ticking=ticking)))
        for statement in job_app.TABLES:
            shops[-1].query(statement)
        return shops[-1]

    yield make
    for shop in shops:
        shop.close()


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    return make_shop()
