"""Sample data: accounts that can be used, goods that can be bought, and only once."""

from __future__ import annotations

import pytest

from marketcore.cli import sample
from marketcore.exceptions import ConfigurationError
from marketcore.testing.market import Market


def test_S11_K9_the_sample_has_people_who_can_log_in_and_goods_on_sale(
    market: Market, capsys: pytest.CaptureFixture[str]
) -> None:
    sample.load(market.registry)
    *made, on_sale = capsys.readouterr().out.splitlines()
    people = [line for line in made if " / " in line]
    http = market.client()
    for line in people:
        name, _slash, rest = line.partition(" / ")
        login = {"username": name, "password": rest.split(" (")[0]}
        answer = http.post("/api/v1/auth/login", json=login)
        assert answer.status_code == 200, f"{line}: {answer.text}"
    listed = http.get("/api/v1/listings?limit=100").json()["items"]
    assert on_sale.startswith(f"{len(listed)} products on sale")
    sample.load(market.registry)
    assert capsys.readouterr().out.endswith("there are accounts already: nothing was made\n")


def test_there_are_no_well_known_passwords_in_production(make_market) -> None:
    market = make_market()
    market.spent = True
    market.registry["settings_sections"]["marketcore"]["environment"] = "production"
    with pytest.raises(ConfigurationError, match="development only"):
        sample.load(market.registry)
