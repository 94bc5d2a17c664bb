"""Miniature plugins, as if they had been installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketcore.config import configure
from marketcore.exceptions import ConfigurationError

HERE = Path(__file__).parent
NOWHERE = {
    "marketcore.database_url": "postgresql://nobody@127.0.0.1:1/none",
    "marketcore.redis_url": "redis://127.0.0.1:1/0",
    "marketcore.environment": "development",
}


@pytest.fixture
def plugin_path(monkeypatch):
    """Return ``install(*names)``: make miniature plugins look installed for this test."""

    def install(*names):
        for name in names:
            monkeypatch.syspath_prepend(HERE / name)

    return install


@pytest.fixture
def bare_settings(tmp_path):
    """Return ``settings(*plugins, **overrides)`` without servers, enough to configure."""

    def settings(*plugins, **overrides):
        given = {key.replace("__", "."): value for key, value in overrides.items()}
        return {
            **NOWHERE,
            "marketcore.data_dir": str(tmp_path / "data"),
            "marketcore.plugins": " ".join(plugins),
            **given,
        }

    return settings


@pytest.fixture
def refusal(bare_settings):
    """Return ``refusal(*plugins, **overrides)``: the message with which the start is refused."""

    def refuse(*plugins, **overrides):
        with pytest.raises(ConfigurationError) as caught:
            configure(bare_settings(*plugins, **overrides))
        return str(caught.value)

    return refuse
