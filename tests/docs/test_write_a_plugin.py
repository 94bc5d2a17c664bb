"""The walkthrough of docs/howto/write-a-plugin.md, command by command."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from marketcore.testing.databases import database_from

PAGE = Path(__file__).parents[2] / "docs/howto/write-a-plugin.md"
COMMANDS = re.findall(r"^\$ (.+)$", PAGE.read_text(), re.MULTILINE)
BUILD = "import setuptools.build_meta as backend, sys; print(backend.build_wheel(sys.argv[1]))"


class Reader:
    """Somebody who types what the page says, in a folder of their own."""

    def __init__(self, folder, servers, database_url):
        self.folder, self.site = folder, folder / "site-packages"
        self.ini = folder / "development.ini"
        self.settings = {
            "marketcore.environment": "development",
            "marketcore.database_url": database_url,
            "marketcore.redis_url": servers[1],
            "marketcore.data_dir": folder / "var",
        }
        here = [str(Path(entry).resolve()) for entry in sys.path if entry]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("MARKETCORE_")}
        self.env = {
            **clean,
            "PYTHONPATH": os.pathsep.join([str(self.site), *here]),
            "MARKETCORE_TEST_DATABASE_URL": servers[0],
            "MARKETCORE_TEST_REDIS_URL": servers[1],
        }
        self.enable("")

    def enable(self, plugins):
        lines = {**self.settings, "marketcore.plugins": plugins}
        text = "\n".join(f"{key} = {value}" for key, value in lines.items())
        self.ini.write_text(f"[app:main]\nuse = egg:marketcore\n{text}\n")

    def type(self, command):
        """Run one command of the page and return what it printed."""
        program, *arguments = shlex.split(command)
        if program == "pip":
            return self.install(arguments[-1])
        module = {"marketcore": "marketcore.cli", "pytest": "pytest"}[program]
        return self.run([sys.executable, "-m", module, *arguments], self.folder)

    def install(self, name):
        """Do what pip would with the build backend itself, which needs neither pip nor an index."""
        out = self.folder / "wheels"
        wheel = self.run([sys.executable, "-W", "ignore", "-c", BUILD, str(out)], self.folder / name).split()[-1]
        with zipfile.ZipFile(out / wheel) as archive:
            archive.extractall(self.site)
        return wheel

    def run(self, command, cwd):
        done = subprocess.run(command, cwd=cwd, env=self.env, capture_output=True, text=True, timeout=110, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def reader(tmp_path, servers):
    with database_from(servers[0], "template0") as url:
        yield Reader(tmp_path, servers, url)


@pytest.mark.timeout(300)
def test_the_walkthrough_works_as_written(reader):
    new, install, test, shown, migrate, verbose, dry_run, purge = COMMANDS
    reader.type(new)
    assert "marketcore_gift_cards-0.1.0" in reader.type(install)
    assert re.search(r"[1-9] passed", reader.type(test))
    assert re.search(r"^gift_cards +off", reader.type(shown), re.MULTILINE)
    reader.enable("gift_cards")
    assert "applied gift_cards_0001" in reader.type(migrate)
    assert "marketcore_gift_cards/__init__.py:" in reader.type(verbose)
    reader.enable("")
    assert "table gift_cards_notes (0 rows)" in reader.type(dry_run)
    assert "everything of 'gift_cards' was dropped" in reader.type(purge)


def test_what_is_made_keeps_the_house_style(reader):
    reader.type(COMMANDS[0])
    plugins = reader.folder / "plugins"
    plugins.mkdir()
    (reader.folder / "gift_cards").rename(plugins / "gift_cards")
    shutil.copy(PAGE.parents[2] / "pyproject.toml", reader.folder)
    ruff = Path(sys.executable).with_name("ruff")
    reader.run([str(ruff), "check", "--ignore", "INP,N999", "plugins"], reader.folder)
    reader.run([str(ruff), "format", "--check", "plugins"], reader.folder)
