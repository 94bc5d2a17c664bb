"""The beginnings of a plugin: a distribution with settings, a table, a service, an address and tests that pass."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from marketcore.exceptions import ConfigurationError

TEMPLATES = Path(__file__).parent / "templates"
# Where each template goes; $name is the plugin's.
FILES = {
    "pyproject.txt": "pyproject.toml",
    "readme.txt": "README.md",
    "package.txt": "src/marketcore_$name/__init__.py",
    "settings.txt": "src/marketcore_$name/settings.py",
    "models.txt": "src/marketcore_$name/models.py",
    "services.txt": "src/marketcore_$name/services.py",
    "schemas.txt": "src/marketcore_$name/schemas.py",
    "routes.txt": "src/marketcore_$name/routes.py",
    "views.txt": "src/marketcore_$name/views.py",
    "migration.txt": "src/marketcore_$name/migrations/versions/${name}_0001_notes.py",
    "test.txt": "tests/test_$name.py",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
LONGEST_NAME = 30


def create(name: str, directory: Path) -> Path:
    """Write the plugin ``name`` into a new folder of ``directory`` and return that folder."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ConfigurationError(
            f"{name!r} cannot be a plugin's name: use at most {LONGEST_NAME} small letters, digits and single "
            "underscores, beginning with a letter, such as 'gift_cards'"
        )
    folder = directory / name
    if folder.exists():
        raise ConfigurationError(f"{folder} exists already: choose another name, or remove it")
    words = {"name": name, "title": name.replace("_", " ").capitalize(), "distribution": name.replace("_", "-")}
    for template, target in FILES.items():
        path = folder / Template(target).substitute(words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template((TEMPLATES / template).read_text()).substitute(words))
    return folder
