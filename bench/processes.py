"""The servers under load: started as an operator would, in processes of their own, their output in files."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

START_SECONDS = 60
STOP_SECONDS = 20


class Process:
    """A server process that listens on ``port``; its output goes to ``log``."""

    def __init__(self, command: Sequence[str], log: Path, port: int, environment: Mapping[str, str]) -> None:
        self.port = port
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command), stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=dict(environment)
            )

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Wait until somebody listens on the port; without a port, only see that the process runs."""
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if not self.port or _listens(self.port):
                return
            time.sleep(0.05)
        tail = self._log.read_text(errors="replace")[-3000:]
        raise SystemExit(f"{self._process.args!r} does not serve on port {self.port}:\n{tail}")

    def stop(self) -> None:
        """End the process, gently if it lets itself be ended gently."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def memory(self) -> int:
        """Return the bytes that belong to this process: its proportional share of what is in memory."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        raise SystemExit("the kernel does not tell the memory of processes (smaps_rollup)")


class Processes:
    """All processes of a run; ``stop_all`` ends those that still run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, Process] = {}

    def start(
        self, name: str, command: Sequence[str], *, port: int = 0, environment: Mapping[str, str] | None = None
    ) -> Process:
        """Start a process, or return the one of this name that runs; its log is ``NAME.log`` in the folder."""
        if name not in self._running:
            log = self._folder / f"{name}.log"
            self._running[name] = Process(command, log, port, {**os.environ, **(environment or {})})
            self._running[name].wait_until_ready()
        return self._running[name]

    def find(self, name: str) -> Process | None:
        """Return a process that runs."""
        return self._running.get(name)

    def stop(self, *names: str) -> None:
        """End the named processes that run."""
        for name in names:
            if process := self._running.pop(name, None):
                process.stop()

    def stop_all(self) -> None:
        """End everything."""
        self.stop(*reversed(list(self._running)))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
