"""Settings are checked before anything starts; a message names the key, the value and the remedy."""

from __future__ import annotations

import colander
import pytest

from marketcore.exceptions import ConfigurationError
from marketcore.settings import CoreSettings, check_prefixes, check_section, from_environment, read_settings


class Limits(colander.MappingSchema):
    login = colander.SchemaNode(colander.String(), missing="20/minute")


class Routes(colander.MappingSchema):
    def schema_type(self):
        return colander.Mapping(unknown="preserve")


class ShopSettings(colander.MappingSchema):
    name = colander.SchemaNode(colander.String())
    size = colander.SchemaNode(colander.Integer(), missing=10, validator=colander.Range(1, 100))
    api_key = colander.SchemaNode(colander.String(), missing="", validator=colander.Length(max=8))
    limits = Limits(missing=Limits().deserialize({}))
    routes = Routes(missing={})


def check(**settings):
    given = {"shop.name": "a", **{key.replace("__", "."): value for key, value in settings.items()}}
    return check_section("shop", ShopSettings(), given)


def refused(**settings):
    with pytest.raises(ConfigurationError) as caught:
        check(**settings)
    return str(caught.value)


def test_values_are_read_and_defaults_filled_in():
    assert check(shop__size="5", shop__limits__login="1/hour") == {
        "name": "a",
        "size": 5,
        "api_key": "",
        "limits": {"login": "1/hour"},
        "routes": {},
    }


def test_a_value_out_of_range_is_told_with_key_value_and_remedy():
    assert refused(shop__size="101") == (
        "shop.size = '101' cannot be used: 101 is greater than maximum value 100; correct it, or leave it out for 10"
    )


def test_a_missing_value_is_told_with_its_key():
    with pytest.raises(ConfigurationError, match=r"shop.name is not set: required; set it in the configuration"):
        check_section("shop", ShopSettings(), {})


def test_every_fault_is_told_at_once():
    message = refused(shop__size="many", shop__api_key="123456789")
    assert "shop.size = 'many'" in message
    assert "shop.api_key" in message


def test_the_value_of_a_secret_is_never_shown():
    message = refused(shop__api_key="sk-canary-5512")
    assert "canary" not in message
    assert "shop.api_key = '***' cannot be used" in message


@pytest.mark.parametrize(
    ("key", "meant"),
    [("shop.siez", "shop.size"), ("shop.limits.logn", "shop.limits.login"), ("shop.limit", "shop.limits")],
)
def test_a_misspelt_key_gets_the_right_one(key, meant):
    message = refused(**{key: "5"})
    assert f"{key!r} is not a setting: did you mean {meant!r}?" in message


def test_a_key_like_no_other_is_to_be_removed():
    assert refused(shop__zzz="5") == "'shop.zzz' is not a setting: remove it or correct its name"


def test_a_section_that_takes_any_name_takes_any_name():
    assert check(**{"shop.routes.KES": "mpesa"})["routes"] == {"KES": "mpesa"}


def test_an_unknown_prefix_is_refused():
    with pytest.raises(ConfigurationError, match=r"'webb.port' is not a setting: did you mean 'web.port'\?"):
        check_prefixes({"webb.port": "1"}, {"marketcore", "web"}, set())


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("plugins", "did you mean"),
        ("databas_url", "did you mean 'marketcore.database_url'"),
        ("colour", "remove it or correct"),
    ],
)
def test_a_key_without_a_prefix_is_refused(key, hint):
    with pytest.raises(ConfigurationError, match=f"'{key}' is no setting, for it has no prefix: {hint}"):
        check_prefixes({key: "1"}, {"marketcore"}, set())


def test_keys_of_libraries_and_of_disabled_plugins_may_stay():
    check_prefixes({"retry.attempts": "3", "auctions.pace": "1", "here": "/x"}, {"marketcore"}, {"auctions"})


def test_a_value_can_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("SHOP_NAME", "from outside")
    assert from_environment({"shop.name": "env:SHOP_NAME"}) == {"shop.name": "from outside"}


def test_a_variable_that_is_not_set_is_told_where_it_is_read(monkeypatch):
    monkeypatch.delenv("SHOP_KEY", raising=False)
    given = from_environment({"shop.name": "a", "shop.api_key": "env:SHOP_KEY", "other.key": "env:OTHER"})
    with pytest.raises(ConfigurationError, match=r"shop.api_key = env:SHOP_KEY: the environment has no variable"):
        check_section("shop", ShopSettings(), given)


def test_a_disabled_plugin_needs_no_variables():
    check_prefixes(from_environment({"auctions.key": "env:NOT_SET_ANYWHERE"}), {"marketcore"}, {"auctions"})


def test_a_library_needs_its_variables():
    with pytest.raises(ConfigurationError, match="the environment has no variable 'NOT_SET_ANYWHERE'; set it"):
        check_prefixes(from_environment({"retry.attempts": "env:NOT_SET_ANYWHERE"}), {"marketcore"}, set())


def test_an_ini_file_is_read_and_the_environment_overrides_it(tmp_path, monkeypatch):
    ini = tmp_path / "shop.ini"
    ini.write_text("[app:main]\nuse = egg:marketcore\nmarketcore.data_dir = %(here)s/var\nmarketcore.plugins = a b\n")
    settings = read_settings(ini)
    assert settings["marketcore.data_dir"] == f"{tmp_path}/var"
    monkeypatch.setenv("MARKETCORE_DATA_DIR", "/srv/data")
    monkeypatch.setenv("MARKETCORE_DATABASE_URL", "postgresql://db.example/shop")
    settings = check_section("marketcore", CoreSettings(), read_settings(ini))
    assert settings["data_dir"] == "/srv/data"
    assert settings["database_url"] == "postgresql://db.example/shop"
    assert settings["plugins"] == ["a", "b"]


def test_a_file_that_is_not_there_is_named_with_the_ways_to_name_one(tmp_path):
    with pytest.raises(ConfigurationError, match=r"there is no configuration file .*name one with -c FILE"):
        read_settings(tmp_path / "none.ini")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    ini = tmp_path / "shop.ini"
    ini.write_text("[server:main]\nport = 1\n")
    with pytest.raises(ConfigurationError, match=r"shop.ini cannot be read.*correct the file"):
        read_settings(ini)
