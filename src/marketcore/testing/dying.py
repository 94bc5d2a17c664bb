"""A worker that is killed in the middle of its job, at any moment, as often as a test likes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from types import TracebackType
from typing import Any, Self

# Configured once: each worker is a fork of this process, which holds no thread and no connection.
_NURSERY = """
import json, os, signal, sys, time
from marketcore.config import configure
from marketcore.db.session import perform
from marketcore.jobs.binding import is_outside_transaction
from marketcore.jobs.enqueueing import find_job

registry = configure(json.loads(os.environ["MARKETCORE_DYING"])).registry
print("ready", flush=True)
for line in sys.stdin:
    name, seconds = json.loads(line)
    job = find_job(registry, name)
    worker = os.fork()
    if not worker:
        job.run(registry) if is_outside_transaction(job) else perform(registry, job.run)
        os._exit(0)
    time.sleep(seconds)
    os.kill(worker, signal.SIGKILL)
    print(json.dumps(os.WIFSIGNALED(os.waitpid(worker, 0)[1])), flush=True)
"""


class DyingWorkers:
    """Runs jobs of the marketplace with ``settings`` in processes that die.

    ``seconds`` is how long one lives at the most; draws come from ``seed``.
    """

    def __init__(self, settings: dict[str, Any], *, seconds: float = 0.06, seed: int = 1) -> None:
        self._settings = settings
        self._seconds = seconds
        self._random = random.Random(seed)  # noqa: S311 - when to die is no secret

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", _NURSERY],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYTHONWARNINGS": "ignore",
                "MARKETCORE_DYING": json.dumps(self._settings),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._say() == "ready\n"
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def die(self, job: str) -> bool:
        """Let a worker run ``job`` and kill it soon; return whether it had not ended yet."""
        words = json.dumps([job, self._random.uniform(0, self._seconds)])
        killed: bool = json.loads(self._say(f"{words}\n"))
        return killed

    def _say(self, words: str = "") -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(words)
        self._process.stdin.flush()
        return self._process.stdout.readline()


__all__ = ["DyingWorkers"]
