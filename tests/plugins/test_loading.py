"""A plugin that cannot run stops the start, and the message names the thing, the value and the remedy."""

from __future__ import annotations

import pytest

from marketcore.config import configure
from marketcore.plugins import load


def test_a_name_that_is_not_installed_is_told_with_what_is(plugin_path, refusal):
    plugin_path("good", "needy")
    message = refusal("warehouse")
    assert "marketcore.plugins names 'warehouse', which is not installed" in message
    installed = message.partition("(installed: ")[2].partition(")")[0].split(", ")
    assert {"good", "needy"} <= set(installed)
    assert "install its distribution or take 'warehouse' out" in message


def test_a_misspelt_name_gets_the_right_one(plugin_path, refusal):
    plugin_path("good")
    assert "did you mean 'good'?" in refusal("goood")


def test_a_plugin_that_cannot_be_imported_is_named_with_its_distribution(plugin_path, refusal):
    plugin_path("broken")
    message = refusal("broken")
    assert "'broken' (marketcore-broken 1.0) cannot be imported" in message
    assert "ModuleNotFoundError: No module named 'a_module_that_nobody_has'" in message
    assert "repair marketcore_broken or take 'broken' out of marketcore.plugins" in message


def test_a_broken_plugin_that_is_not_enabled_does_no_harm(plugin_path, bare_settings):
    plugin_path("broken", "good_twin")
    configure(bare_settings())


def test_an_includeme_that_fails_is_told_with_the_plugin_and_the_place(plugin_path, refusal):
    plugin_path("faulty")
    message = refusal("faulty")
    assert "the plugin 'faulty' (marketcore-faulty 1.0) cannot be set up: ModuleNotFoundError" in message
    assert "line" in message
    assert "take 'faulty' out of marketcore.plugins" in message


def test_a_requirement_that_is_not_installed_is_to_be_installed(plugin_path, refusal):
    plugin_path("needy")
    message = refusal("needy")
    assert "the plugin 'needy' requires 'good', which is not installed" in message
    assert "install its distribution and add 'good' to marketcore.plugins" in message


def test_a_requirement_that_is_only_disabled_is_to_be_enabled(plugin_path, refusal):
    plugin_path("needy", "good")
    message = refusal("needy")
    assert "requires 'good', which is installed but not enabled: add 'good' to marketcore.plugins" in message


def test_plugins_that_require_each_other_are_shown_as_a_circle(plugin_path, refusal):
    plugin_path("hen", "egg")
    message = refusal("hen", "egg")
    assert "hen → egg → hen" in message
    assert "take one out" in message


def test_plugins_that_exclude_each_other_are_both_named(plugin_path, refusal):
    plugin_path("conflicted", "good")
    message = refusal("good", "conflicted")
    assert "'conflicted' and 'good' exclude each other: take one out of marketcore.plugins" in message


def test_an_excluded_plugin_that_is_disabled_does_not_matter(plugin_path, bare_settings):
    plugin_path("conflicted", "good")
    assert set(configure(bare_settings("conflicted")).registry["plugins"]) == {"conflicted"}


def test_a_plugin_for_another_contract_is_refused_with_both_versions(plugin_path, refusal):
    plugin_path("future")
    message = refusal("future")
    assert "'future' was written for plugin contract 99, this marketcore has 1" in message
    assert "install a matching version of marketcore-future 1.0" in message


def test_a_module_without_a_manifest_is_no_plugin(plugin_path, refusal):
    plugin_path("nameless")
    message = refusal("nameless")
    assert "marketcore_nameless is no marketcore plugin" in message
    assert "plugin = Plugin('nameless', …)" in message


def test_two_distributions_with_one_name_are_both_named(plugin_path, refusal):
    plugin_path("good", "good_twin")
    message = refusal("good")
    assert "two distributions offer the plugin 'good'" in message
    assert "marketcore-good 1.0" in message
    assert "good-twin 1.0" in message
    assert "uninstall one of them" in message


@pytest.mark.parametrize("names", [["needy", "good"], ["good", "needy"]])
def test_a_plugin_is_set_up_after_what_it_requires(plugin_path, names):
    plugin_path("needy", "good")
    assert [plugin.name for plugin in load(names)] == ["good", "needy"]


def test_a_plugin_is_set_up_after_what_it_can_do_without(plugin_path):
    plugin_path("rival", "good")
    assert [plugin.name for plugin in load(["rival", "good"])] == ["good", "rival"]
    assert [plugin.name for plugin in load(["rival"])] == ["rival"]


def test_a_name_given_twice_counts_once(plugin_path):
    plugin_path("good")
    assert [plugin.name for plugin in load(["good", "good"])] == ["good"]


@pytest.mark.parametrize("way", ["plain", "default", "late default"])
def test_a_view_without_a_permission_stops_the_start(plugin_path, refusal, way):
    plugin_path("open_view")
    message = refusal("open_view", open_view__way=way)
    if way == "plain":
        assert "'everything' declares no permission" in message
        assert "give it permission=" in message
    elif way == "default":
        assert "calls config.set_default_permission('public')" in message
    else:
        assert "declares no permission" in message or "set_default_permission" in message
    assert "marketcore_open_view" in message


def test_a_permission_that_nobody_declares_stops_the_start(plugin_path, refusal):
    plugin_path("late_permission")
    message = refusal("late_permission")
    assert "asks for the permission 'late.secret.read', which is not declared" in message
    assert "config.declare_permission('late.secret.read', to=…)" in message
    assert "marketcore_late_permission" in message


@pytest.mark.parametrize("way", ["undeclared", "other label", "other folder"])
def test_migrations_that_would_be_lost_when_disabled_stop_the_start(plugin_path, refusal, way):
    plugin_path("misplaced")
    message = refusal("misplaced", misplaced__way=way)
    assert "misplaced" in message
    assert "migrations" in message
    assert "add_migrations(" in message
