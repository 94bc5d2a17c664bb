"""What a newcomer does: run everything with one command, take the tour, stop it, start it again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The development configuration as shipped, on free ports and in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    text = (ROOT / "development.ini").read_text()
    for port in ("8000", "8001", "8002"):
        text = text.replace(port, str(free_port()))
    path = folder / "development.ini"
    path.write_text(text)
    return path


class Running:
    """``marketcore run`` as a process of its own, with what it has printed."""

    def __init__(self, configuration: Path) -> None:
        self.configuration = configuration
        self.output = configuration.parent / "output.txt"
        self._file = self.output.open("w")
        command = [sys.executable, "-m", "marketcore.cli", "-c", str(configuration), "run"]
        # No address of this test run's own servers may reach it: the newcomer has none.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MARKETCORE_")}
        self.process = subprocess.Popen(
            command, stdout=self._file, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not all(f"{name} is ready" in self.said() for name in ("web", "live", "worker", "simulator")):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)

    def said(self) -> str:
        return self.output.read_text()

    def processes(self) -> list[int]:
        """The living processes that work in this site's folder, the supervisor's and the servers' included."""
        return [pid for pid in _pids() if str(self.configuration.parent) in _command_line(pid)]

    def end(self, number: int) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        self._file.close()
        return code


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def eventually(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@pytest.fixture
def running(configuration: Path) -> Iterator[Running]:
    site = Running(configuration)
    try:
        site.wait_until_ready()
        yield site
    finally:
        site.end(signal.SIGINT)
        eventually(lambda: not site.processes(), "processes were left behind")


def tour(configuration: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "marketcore.cli", "-c", str(configuration), "tour"]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def ledger_verdict(configuration: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "marketcore.cli", "-c", str(configuration), "ledger", "verify"]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def web_address(configuration: Path) -> str:
    found = re.search(r"^marketcore.public_url = (.*)$", configuration.read_text(), re.MULTILINE)
    assert found
    return found[1]


@pytest.mark.timeout(300)
def test_the_tour_goes_through_and_the_next_start_has_its_data(configuration: Path, running: Running) -> None:
    told = tour(configuration)
    assert told.returncode == 0, told.stdout + told.stderr + running.said()
    for words in ("`order.paid`", "stays with the platform", "`auction.won`", "run through the engine", "All"):
        assert words in told.stdout
    assert ledger_verdict(configuration).returncode == 0
    assert running.end(signal.SIGINT) == 0
    eventually(lambda: not running.processes(), "processes were left behind by Ctrl-C")

    again = Running(configuration)
    again.wait_until_ready()
    try:
        with httpx.Client(base_url=web_address(configuration), trust_env=False) as http:
            found = http.get("/api/v1/listings", params={"q": "soapstone elephant"}).json()["items"]
        assert [item["product"]["title"].startswith("Soapstone elephant") for item in found] == [True]
    finally:
        again.end(signal.SIGKILL)
        eventually(lambda: not again.processes(), "processes were left behind by kill -9")


def test_the_tour_fails_aloud_where_nothing_runs(configuration: Path) -> None:
    told = tour(configuration)
    assert told.returncode == 1
    assert "make run" in told.stderr
