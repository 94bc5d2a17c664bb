"""The real command line, in processes of its own where these are the point and else in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from marketcore.cli import build
from marketcore.testing.logs import log_restored

MINIATURES = Path(__file__).parents[1] / "plugins"


def importable(*folders):
    """Return PYTHONPATH for a child that finds what this process finds, and ``folders``."""
    return os.pathsep.join([*map(str, folders), *(str(Path(entry).resolve()) for entry in sys.path if entry)])


@pytest.fixture
def miniatures(monkeypatch):
    """Return ``install(*names)``: make miniature plugins look installed, here and in child processes."""
    folders = []

    def install(*names):
        for name in names:
            folders.append(MINIATURES / name)
            monkeypatch.syspath_prepend(MINIATURES / name)

    install.folders = folders
    return install


@pytest.fixture
def write_ini(tmp_path):
    """Return ``write(settings)``: an ini file with those settings."""

    def write(settings):
        ini = tmp_path / "market.ini"
        lines = "\n".join(f"{key} = {value}" for key, value in settings.items())
        ini.write_text(f"[app:main]\nuse = egg:marketcore\n{lines}\n")
        return ini

    return write


@pytest.fixture
def environment(miniatures):
    """Return ``environment(**more)`` of a child: ours without its own marketcore variables."""

    def environment(**more):
        clean = {key: value for key, value in os.environ.items() if not key.startswith("MARKETCORE_")}
        return {**clean, "PYTHONPATH": importable(*miniatures.folders), "COLUMNS": "200", **more}

    return environment


@pytest.fixture
def marketcore(environment, tmp_path):
    """Return ``marketcore(*arguments)``: run the program to its end."""

    def run(*arguments, text="", **more):
        return subprocess.run(
            [sys.executable, "-m", "marketcore.cli", *map(str, arguments)],
            input=text,
            capture_output=True,
            text=True,
            env=environment(**more),
            cwd=tmp_path,
            timeout=90,
            check=False,
        )

    return run


@pytest.fixture
def typed(miniatures, tmp_path, monkeypatch):
    """Return ``typed(*arguments)``: run a command in this process, which spares a second of imports each time."""
    monkeypatch.chdir(tmp_path)
    theirs = {name: None for name in os.environ if name.startswith("MARKETCORE_")}

    def run(*arguments, text=""):
        words = [str(argument) for argument in arguments]
        answer = CliRunner(env=theirs).invoke(build(), words, input=text, catch_exceptions=False)
        return subprocess.CompletedProcess(words, answer.exit_code, answer.stdout, answer.stderr)

    with log_restored():
        yield run
