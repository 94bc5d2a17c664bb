"""The till of the tests of payments, whose provider lists what it did."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PAYMENTS = Path(__file__).parents[1] / "payments"
for folder in (PAYMENTS, PAYMENTS / "fakepay"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from back_office import QUICK, make_office  # noqa: E402, F401
from till import gateway  # noqa: E402, F401


@pytest.fixture
def make_books(make_office):  # noqa: F811
    """Return ``books(settings)``: an office whose provider lists payments and refunds."""

    def make(settings=None, **options):
        features = {"fakepay__features": "statement refund partial_refund"}
        return make_office({**features, **(settings or {})}, stock=20, **options)

    return make


@pytest.fixture
def books(make_books):
    return make_books()
