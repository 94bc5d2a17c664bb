"""In which order the files of tests are run."""

from __future__ import annotations

import pytest

# Few tests, minutes of work: begun last, such a file would leave all workers but one without anything to do.
LONG = (
    "tests/surface/test_schemathesis.py",
    "tests/functional/",
    "tests/cli/",
    "tests/embedded/",
    "tests/surface/",
    "tests/payments/",
    "tests/live/",
    "tests/jobs/",
    "tests/ledger/",
    "tests/docs/",
    "plugins/payments_stripe/tests/test_contract.py",
    "plugins/auctions/tests/test_closing.py",
    "plugins/auctions/tests/test_races.py",
    "plugins/storefront/tests/test_bidding.py",
)


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, start in enumerate(LONG) if item.nodeid.startswith(start)), len(LONG))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long first; the order within a file, and of all others, stays."""
    items.sort(key=_rank)
