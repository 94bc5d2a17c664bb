"""A marketplace is handed from test to test, and no test can tell."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from marketcore.directives import table
from marketcore.settings import section
from marketcore.testing.shop import PASSWORD, register

LIMITED = {"web__rate_limit__login": "2/hour", "identity__login_attempts": "off"}


def test_the_next_borrower_gets_the_same_marketplace_over_a_database_in_which_nothing_happened(standing):
    with standing.lend() as first:
        register(first, "buyer")
        first.travel("25 hours")
    with standing.lend() as second:
        assert second is first
        assert second.query("SELECT count(*) FROM users") == [(0,)]
        assert second.query("SELECT market_clock() - clock_timestamp() < interval '1 minute'") == [(True,)]
        assert register(second, "buyer")["user"]["id"] == 1


def test_two_at_a_time_are_two_and_other_settings_are_another(standing):
    with standing.lend() as one, standing.lend() as other, standing.lend(orders__commission_bp="1") as third:
        assert len({id(one), id(other), id(third)}) == 3
        register(one, "buyer")
        assert other.query("SELECT count(*) FROM users") == [(0,)]


def test_nobody_is_remembered_who_was_known_in_the_old_database(standing):
    with standing.lend() as market:
        token = register(market, "buyer")["access"]
        assert market.client(token).get("/api/v1/users/me").status_code == 200
    with standing.lend() as market:
        assert market.client(token).get("/api/v1/users/me").status_code == 401


def test_neither_requests_nor_attempts_of_the_test_before_count(standing):
    for _test in range(2):
        with standing.lend(**LIMITED) as market:
            person = register(market, "buyer")["user"]
            given = {"email": person["email"], "password": PASSWORD}
            assert "marketcore_http_requests_total{" in market.client().get("/metrics").text
            answers = [market.client().post("/api/v1/auth/login", json=given).status_code for _attempt in range(3)]
            assert answers == [200, 200, 429]
            assert 'route="auth.login",status="429"} 1.0' in market.client().get("/metrics").text


def test_files_of_the_test_before_are_gone_and_the_secret_stays(standing):
    with standing.lend() as market:
        market.registry["media_store"].put("images/one", b"one")
    with standing.lend() as market:
        assert market.registry["media_store"].get("images/one") is None
        market.registry["media_store"].put("images/one", b"two")
        assert market.registry["media_store"].get("images/one") == b"two"


def change_a_setting(registry):
    section(registry, "orders")["commission_bp"] = 7


def change_a_setting_within_one(registry):
    section(registry, "web")["rate_limit"]["login"] = "1/hour"


def subscribe(registry):
    table(registry, "event subscribers")["test"] = (object, print)


def listen(registry):
    event.listen(registry["engine"], "before_cursor_execute", lambda *_arguments: None)


def listen_to_errors(registry):
    event.listen(registry["engine"], "handle_error", lambda _context: None)


def replace_a_collaborator(registry):
    registry["passwords"] = object()


@pytest.mark.parametrize(
    "change",
    [change_a_setting, change_a_setting_within_one, subscribe, listen, listen_to_errors, replace_a_collaborator],
)
def test_a_marketplace_that_a_test_has_changed_is_not_handed_on(standing, change):
    with standing.lend() as market:
        change(market.registry)
    with standing.lend() as other:
        assert other is not market


def test_a_marketplace_of_which_a_part_was_closed_is_not_handed_on(standing):
    with standing.lend() as market:
        market.spent = True
    with standing.lend() as other:
        assert other is not market
