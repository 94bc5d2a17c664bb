"""The provider of docs/howto/write-a-payment-provider.md, as the page prints it, keeps the whole contract."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/howto/write-a-payment-provider.md"
PROVIDER, SUITE = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)

sys.path.insert(0, str(Path(__file__).parent / "acme"))
_suite: dict[str, object] = {"__name__": __name__}
exec(compile(SUITE, str(PAGE), "exec"), _suite)


@pytest.fixture(scope="session", autouse=True)
def installed(tmp_path_factory):
    """Install the page's plugin as pip would: its module and its entry point."""
    site = tmp_path_factory.mktemp("acme")
    (site / "marketcore_acme_pay.py").write_text(PROVIDER)
    (site / "marketcore_acme_pay-1.0.dist-info").mkdir()
    (site / "marketcore_acme_pay-1.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: marketcore-acme-pay\nVersion: 1.0\n"
    )
    (site / "marketcore_acme_pay-1.0.dist-info/entry_points.txt").write_text(
        "[marketcore.plugins]\nacme_pay = marketcore_acme_pay\n"
    )
    sys.path.insert(0, str(site))
    yield
    sys.path.remove(str(site))


class TestAcmePay(_suite["TestAcmePay"]):  # type: ignore[misc]
    """The page's own subclass."""


def test_the_provider_of_the_page_is_about_sixty_lines_long():
    code = [line for line in PROVIDER.splitlines() if line.strip()]
    assert len(code) <= 60
