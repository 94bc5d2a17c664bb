"""How long a provider waits for its call to be acknowledged, while calls keep coming: ``python -m bench.webhook_ack``.

A marketplace of its own is served by ``marketcore web`` in a process of its own over an embedded (or given) database;
the calls are signed reports about payments, sent at fixed times whether or not earlier ones have been answered, so
that a slow answer is not hidden by the ones it holds up. Prints one line: the rate, and p50, p99 and the longest wait.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marketcore.db.session import make_engine
from marketcore.embedded import running_servers
from marketcore.testing.databases import database_from, make_template

FAKEPAY = Path(__file__).parents[1] / "tests" / "payments" / "fakepay"
SECRET = "a secret of the bench"
SENDERS = 16


def signed_call() -> tuple[bytes, dict[str, str]]:
    """Return the body and headers of a report about a payment."""
    about = {"id": str(uuid.uuid4()), "event": uuid.uuid4().hex, "state": "pending", "minor": 1, "currency": "KES"}
    body = json.dumps({"events": [about]}).encode()
    return body, {"X-Fakepay-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}


class Senders:
    """Sends calls at their times; ``waits`` holds the seconds from the time a call was due to its answer."""

    def __init__(self, port: int, rate: int, seconds: int) -> None:
        self._port = port
        self._begin = time.monotonic() + 1
        self._due = iter([number / rate for number in range(rate * seconds)])
        self._lock = threading.Lock()
        self.waits: list[float] = []

    def run(self) -> None:
        """Send every call and wait for all answers."""
        threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while (due := self._next()) is not None:
            body, headers = signed_call()
            time.sleep(max(0.0, due - time.monotonic()))
            connection.request("POST", "/hooks/fp", body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != http.HTTPStatus.OK:
                raise SystemExit(f"a call was answered with {answer.status}")
            self.waits.append(time.monotonic() - due)
        connection.close()

    def _next(self) -> float | None:
        with self._lock:
            due = next(self._due, None)
        return None if due is None else self._begin + due


@contextmanager
def marketplace(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the port of a served marketplace and the URL of its database."""
    with (
        running_servers(
            folder / "servers",
            database_url=os.environ.get("MARKETCORE_TEST_DATABASE_URL", "embedded"),
            redis_url=os.environ.get("MARKETCORE_TEST_REDIS_URL", "embedded"),
        ) as (database_url, redis_url),
        database_from(database_url, make_template(database_url, [])) as url,
        socket.socket() as probe,
    ):
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        process = _serve(folder, port, url, redis_url)
        try:
            _await(port, process)
            yield port, url
        finally:
            process.terminate()
            process.wait(30)


def _serve(folder: Path, port: int, database_url: str, redis_url: str) -> subprocess.Popen[bytes]:
    settings = {
        "marketcore.plugins": "fakepay",
        "marketcore.environment": "development",
        "marketcore.log_level": "warning",
        "marketcore.data_dir": folder / "data",
        "marketcore.database_url": database_url,
        "marketcore.redis_url": redis_url,
        "web.port": port,
        "fakepay.base_url": "http://127.0.0.1:9",
        "fakepay.secret": SECRET,
    }
    lines = [f"{key} = {value}" for key, value in settings.items()]
    ini = folder / "bench.ini"
    ini.write_text("\n".join(["[app:main]", "use = egg:marketcore", *lines]))
    paths = [str(FAKEPAY), *(str(Path(entry).resolve()) for entry in sys.path if entry)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.Popen([sys.executable, "-m", "marketcore.cli", "-c", str(ini), "web"], env=environment)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the marketplace does not answer")


def stored(database_url: str) -> int:
    """Return how many calls are in the inbox."""
    engine = make_engine(database_url, pool_size=1)
    try:
        with engine.connect() as connection:
            count: int = connection.exec_driver_sql("SELECT count(*) FROM webhook_inbox").scalar_one()
    finally:
        engine.dispose()
    return count


def report(waits: list[float], rate: int) -> str:
    """Return the line with the figures, in milliseconds."""
    ordered = sorted(waits)
    p50, p99 = (ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000 for share in (50, 99))
    return (
        f"{len(ordered)} calls at {rate}/s, all stored: "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {ordered[-1] * 1000:.1f} ms"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=50, help="calls per second")
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, marketplace(Path(folder)) as (port, url):
        senders = Senders(port, asked.rate, asked.seconds)
        senders.run()
        kept = stored(url)
    if kept != asked.rate * asked.seconds:
        raise SystemExit(f"{asked.rate * asked.seconds} calls were acknowledged and {kept} stored")
    print(report(senders.waits, asked.rate))


if __name__ == "__main__":
    main()
