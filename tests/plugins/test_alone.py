"""Every plugin starts with nothing but what it requires, and the core with none: served, documented, migrated."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from marketcore.directives import table
from marketcore.settings import read_settings

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.name for path in (ROOT / "plugins").iterdir() if (path / "pyproject.toml").is_file())


def required(name: str) -> list[str]:
    """Return ``name`` and what it requires, all the way down."""
    manifest = import_module(f"marketcore_{name}").plugin
    return list(dict.fromkeys([*(further for one in manifest.requires for further in required(one)), name]))


def settings_of(names: list[str]) -> dict[str, Any]:
    """Return what development.ini says to the core and to these plugins."""
    told = read_settings(ROOT / "development.ini")
    others = tuple(f"{name}." for name in PLUGINS if name not in names)
    kept = {key: value for key, value in told.items() if not key.startswith((*others, "marketcore."))}
    return {key.replace(".", "__"): value for key, value in kept.items() if not key.startswith("payments.route")}


@pytest.mark.parametrize("name", [None, *PLUGINS])
def test_it_starts_alone(make_market: Any, name: str | None) -> None:
    names = required(name) if name else []
    market = make_market(*names, **settings_of(names))
    assert list(market.registry["plugins"]) == names
    labels = set(table(market.registry, "migrations"))
    assert labels <= {"core", *names}
    http = market.client()
    assert http.get("/healthz").status_code == 200
    assert http.get("/readyz").status_code == 200
    assert http.get("/api/openapi.json").json()["paths"]
