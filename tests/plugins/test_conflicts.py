"""Two claims on one name stop the start and name both places; nobody replaces anything silently."""

from __future__ import annotations

import pytest
from pyramid.exceptions import ConfigurationConflictError

from marketcore.config import configure

OF_GOOD = {
    "good settings": "settings 'good'",
    "good service": "services 'marketcore_good.services.ThingService'",
    "good permission": "permissions declared 'good.thing.keep'",
    "good listing kind": "listing kinds 'good'",
    "good subscriber": "event subscribers 'UserRegistered",
    "good channel": "live channels 'good_thing:{}'",
    "good channel, other parameter": "live channels 'good_thing:{}'",
    "good live path": "live paths '/ws/good/{}'",
    "good event": "live events 'good_thing:{} good.polished'",
    "good event on a core channel": "live events 'user:{} good.thanks'",
    "good command": "live commands 'good.polish'",
    "good job": "jobs 'good.polish'",
    "good periodic job": "jobs 'good.tidy'",
    "good provider": "payment providers 'good_pay'",
    "good payout provider": "payout providers 'good_payout'",
    "good purpose": "payment purposes 'good_thing'",
    "good ledger check": "ledger checks 'good names'",
    "good notification type": "notification types 'good.polished'",
    "good SMS provider": "sms providers 'good_sms'",
    "good login check": "login checks 'good_mood'",
    "good step-up": "step-up checks 'good_mood'",
    "good process": "processes 'good_sweeper'",
    "good front page": "front pages 'good_things'",
    "good route": "route 'good.things'",
    "good view": "the view of route 'good.things'",
}
OF_CORE = {
    "core settings": ("settings 'marketcore'", "config.py"),
    "core permission": ("permissions declared 'admin'", "web/__init__.py"),
    "core notification type": ("notification types 'order.paid'", "notifications/__init__.py"),
    "core ledger check": ("ledger checks 'zero sum'", "ledger/__init__.py"),
    "core process": ("processes 'web'", "web/__init__.py"),
    "core periodic job": ("jobs 'web.forget_old_answers'", "web/__init__.py"),
    "core event": ("live events 'order:{} order.paid'", "orders/__init__.py"),
    "core route": ("route 'healthz'", "health.py"),
    "core request method": ("request extensions 'db'", "session.py"),
}


@pytest.mark.parametrize("claim", OF_GOOD)
def test_two_plugins_that_claim_one_name_are_both_named_with_file_and_line(plugin_path, bare_settings, claim):
    plugin_path("good", "rival")
    with pytest.raises(ConfigurationConflictError) as caught:
        configure(bare_settings("good", "rival", rival__claim=claim))
    message = str(caught.value)
    assert f"{OF_GOOD[claim]}" in message
    assert "marketcore_rival/__init__.py, line" in message
    assert "marketcore_good/" in message
    assert "rename one, or take one of the plugins out of marketcore.plugins" in message


@pytest.mark.parametrize("claim", OF_CORE)
def test_a_plugin_that_claims_a_name_of_the_core_is_a_conflict(plugin_path, bare_settings, claim):
    plugin_path("rival")
    with pytest.raises(ConfigurationConflictError) as caught:
        configure(bare_settings("rival", rival__claim=claim))
    named, file = OF_CORE[claim]
    assert named in str(caught.value)
    assert file in str(caught.value)
    assert "marketcore_rival/__init__.py, line" in str(caught.value)


def test_a_plugin_cannot_commit_first_and_replace_then(plugin_path, refusal):
    plugin_path("rival")
    message = refusal("rival", rival__claim="after a commit")
    assert "marketcore_rival/__init__.py, line" in message
    assert "calls config.commit()" in message
    assert "remove it" in message


def test_a_plugin_has_settings_under_its_own_name_only(plugin_path, refusal):
    plugin_path("rival")
    message = refusal("rival", rival__claim="foreign prefix")
    assert "the plugin 'rival' claims the settings prefix 'other'" in message
    assert "use add_settings_schema('rival', …)" in message


def test_every_claim_of_the_rival_is_tried():
    import marketcore_rival

    tried = {*OF_GOOD, *OF_CORE, "after a commit", "foreign prefix"}
    assert set(marketcore_rival.claims(None)) == tried


def test_plugins_that_claim_nothing_of_each_other_live_together(plugin_path, bare_settings):
    plugin_path("good", "rival")
    assert set(configure(bare_settings("good", "rival")).registry["plugins"]) == {"good", "rival"}
