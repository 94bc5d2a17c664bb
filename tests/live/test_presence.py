"""Who listens: without Redis nobody knows, and nobody waits."""

from __future__ import annotations

import pytest

from marketcore.live.presence import LEASE, Keys, Presence, changes

from .small_market import registry_of


def test_what_has_changed_is_told():
    assert changes({"user 1", "user 2"}, {"user 2", "user 3"}) == (["user 3"], ["user 1"])
