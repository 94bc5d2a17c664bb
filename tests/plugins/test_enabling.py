"""What an enabled plugin adds, a disabled one does not leave behind."""

from __future__ import annotations

import pytest

from marketcore.config import configure
from marketcore.directives import DIRECTIVES, table
from marketcore.events import SessionsRevoked, UserRegistered
from marketcore.ledger.verify import checks_of, verify
from marketcore.web.openapi import build_document

TABLES = {
    "settings": "good",
    "migrations": "good",
    "services": "marketcore_good.services.ThingService",
    "permissions declared": "good.thing.keep",
    "listing kinds": "good",
    "event subscribers": "UserRegistered → marketcore_good.subscribers.welcome",
    "after-commit subscribers": "SessionsRevoked → marketcore_good.subscribers.note",
    "live channels": "good_thing:{thing_id}",
    "live events": "good_thing:{thing_id} good.polished",
    "live commands": "good.polish",
    "payment providers": "good_pay",
    "payout providers": "good_payout",
    "payment purposes": "good_thing",
    "ledger checks": "good names",
    "notification types": "good.polished",
    "sms providers": "good_sms",
    "login checks": "good_mood",
    "step-up checks": "good_mood",
    "processes": "good_sweeper",
    "front pages": "good_things",
}


@pytest.mark.parametrize("category", TABLES)
def test_an_enabled_plugin_is_in_every_table_and_a_disabled_one_in_none(plugin_path, bare_settings, category):
    plugin_path("good")
    assert TABLES[category] in table(configure(bare_settings("good")).registry, category)
    assert not [name for name in table(configure(bare_settings()).registry, category) if "good" in name]


def test_an_enabled_plugin_has_its_jobs_and_a_disabled_one_none(plugin_path, bare_settings):
    plugin_path("good")
    jobs = table(configure(bare_settings("good")).registry, "jobs")
    assert jobs["good.polish"].every_seconds is None
    assert jobs["good.tidy"].every_seconds == 60
    assert not [name for name in table(configure(bare_settings()).registry, "jobs") if name.startswith("good")]


def test_an_enabled_plugin_has_a_settings_section_and_a_disabled_one_none(plugin_path, bare_settings):
    plugin_path("good")
    enabled = configure(bare_settings("good", good__limit="7")).registry
    disabled = configure(bare_settings(good__limit="7")).registry
    assert enabled["settings_sections"]["good"]["limit"] == 7
    assert "good" not in disabled["settings_sections"]


def test_the_miniature_plugin_uses_every_directive(plugin_path, bare_settings):
    plugin_path("good")
    config = configure(bare_settings("good"))
    categories = {*TABLES, "jobs"}
    shown = {
        category
        for category in categories
        for item in config.introspector.get_category(category) or ()
        if "marketcore_good" in item["introspectable"].action_info.file
    }
    assert shown == categories
    assert len(DIRECTIVES) == len(categories) + 1  # add_job and add_periodic_job share a table


def test_a_disabled_plugin_has_no_route_and_no_place_in_the_document(plugin_path, bare_settings):
    plugin_path("good")
    enabled, disabled = configure(bare_settings("good")), configure(bare_settings())
    assert "/api/v1/good/things" in build_document(enabled.registry, enabled.introspector)["paths"]
    assert not [path for path in build_document(disabled.registry, disabled.introspector)["paths"] if "good" in path]
    assert enabled.introspector.get("routes", "good.things")
    assert disabled.introspector.get("routes", "good.things") is None


def test_an_enabled_plugin_answers_over_http_with_its_own_table(plugin_path, make_market):
    plugin_path("good")
    market = make_market("good")
    with market.work() as request:
        request.emit(UserRegistered(user_id=5))
    with market.client() as http:
        assert http.get("/api/v1/good/things").json() == {"names": ["welcome 5"]}


def test_the_books_are_held_against_the_check_of_an_enabled_plugin(plugin_path, make_market):
    plugin_path("good")
    market = make_market("good")
    market.query("INSERT INTO good_things (name) VALUES ('')")
    with market.registry["engine"].connect() as connection:
        found = verify(connection, checks_of(market.registry))
        assert verify(connection) == []
    assert [(difference.check, difference.id) for difference in found] == [("good names", "1")]


def test_a_disabled_plugin_hears_nothing_and_answers_nothing(plugin_path, make_market):
    plugin_path("good")
    market = make_market()
    with market.work() as request:
        request.emit(UserRegistered(user_id=5))
    with market.client() as http:
        assert http.get("/api/v1/good/things").status_code == 404
        assert "/good/" not in http.get("/api/openapi.json").text
    assert market.query("SELECT to_regclass('good_things')")[0][0] is None


def test_a_subscriber_after_the_commit_of_a_plugin_runs(plugin_path, make_market):
    plugin_path("good")
    from marketcore_good.subscribers import NOTED

    NOTED.clear()
    market = make_market("good")
    with market.work() as request:
        request.emit(SessionsRevoked(user_id=9, session_ids=()))
        assert NOTED == []
    assert NOTED == [9]
