"""Schemathesis lets the served document speak against the server, operation by operation.

``MARKETCORE_LONG=1`` gives every operation forty times as many examples, and such that do not fit. What is switched
off, and why, stands in ``schemathesis.toml``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .world import World

EXAMPLES = 200 if os.environ.get("MARKETCORE_LONG") else 5
# What does not fit is sent by test_hostile_bodies.py and test_hostile_addresses.py, from a corpus of our own.
MODE = "all" if os.environ.get("MARKETCORE_LONG") else "positive"
SETTINGS = Path(__file__).with_name("schemathesis.toml")
# With these the caller shuts itself out, and every later answer would be 401: they speak alone.
ENDING = ("/api/v1/auth/logout", "/api/v1/users/{user_id}/block", "/api/v1/users/me/sessions/{session_id}")


@pytest.fixture(scope="module")
def world(people):
    return World(people)


@pytest.fixture
def schemathesis(people, tmp_path):
    """Run Schemathesis on the operations that ``options`` choose and return what it printed."""

    def run(*options, ids=None, ends=False):
        settings = tmp_path / "schemathesis.toml"
        fixed = "".join(f'"path.{name}" = {json.dumps(value)}\n' for name, value in (ids or {}).items())
        settings.write_text(f"{SETTINGS.read_text()}\n[parameters]\n{fixed}")
        token = people.new("buyer", "seller", "admin").access
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run", *options]
        command += [f"{people.market.url}/api/openapi.json", "--header", f"Authorization: Bearer {token}"]
        command += ["--max-examples", str(EXAMPLES), "--mode", MODE, "--no-color"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        print(done.stdout[-20_000:], done.stderr[-4_000:])
        assert done.returncode == 0
        # Else 401 alone may have been answered.
        assert ends or people.ask("GET", "/api/v1/users/me", token).status_code == 200
        return done.stdout

    return run


def count_tested(printed):
    return int(re.search(r"Tested: (\d+)", printed)[1])


def methods(people):
    """Return the method of every operation of the document."""
    paths = people.http.get("/api/openapi.json").json()["paths"]
    return [method for operations in paths.values() for method in operations]


@pytest.mark.timeout(900)
def test_what_writes_keeps_to_the_document(people, world, schemathesis):
    ending = (option for path in ENDING for option in ("--exclude-path", path))
    printed = schemathesis("--exclude-method", "GET", *ending)
    assert count_tested(printed) == len(methods(people)) - methods(people).count("get") - len(ENDING)


@pytest.mark.timeout(900)
def test_what_reads_keeps_to_the_document_about_things_that_exist(people, world, schemathesis):
    ids = {name: value for name, value in world.ids().items() if name.endswith("_id")}
    printed = schemathesis("--include-method", "GET", ids=ids)
    assert count_tested(printed) == methods(people).count("get")


@pytest.mark.parametrize("path", ENDING)
def test_what_ends_ones_own_session_keeps_to_the_document(schemathesis, path):
    assert count_tested(schemathesis("--include-path", path, ends=True)) == 1
