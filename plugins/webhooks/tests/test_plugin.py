"""Tables, settings, housekeeping, and what is left when the plugin is off."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marketcore.config import configure
from marketcore.db import migrate
from marketcore.db.base import Base
from marketcore.directives import table
from marketcore.exceptions import ConfigurationError
from marketcore.jobs.periodic import enqueue_due
from marketcore.jobs.running import run_waiting
from marketcore.plugins import migration_locations
from marketcore.testing.databases import database_from
from marketcore_webhooks import models

# Enough to configure; nothing is connected to.
NOWHERE = {
    "marketcore.plugins": "webhooks",
    "marketcore.secret": "s" * 40,
    "marketcore.database_url": "postgresql://nobody@127.0.0.1:1/none",
    "marketcore.redis_url": "redis://127.0.0.1:1/0",
}


def test_the_tables_are_as_the_models_say(hooks):
    assert models.Delivery.__table__.metadata is Base.metadata

    def ours(_entry, name, kind, _reflected, _other):
        return kind != "table" or name.startswith("webhooks_")

    with hooks.registry["engine"].connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, Base.metadata) == []


def test_the_migrations_go_down_and_up_again(servers, templates):
    with database_from(servers[0], templates("webhooks")) as url:
        migrate.downgrade(url, "webhooks@base", migration_locations())
        assert not migrate.is_current(url, ["webhooks"], migration_locations())
        assert migrate.is_current(url, [], migration_locations())
        assert migrate.upgrade(url, ["webhooks"], migration_locations()) == ["webhooks_0001"]


def test_a_marketplace_without_the_plugin_has_nothing_of_it():
    config = configure({**NOWHERE, "marketcore.plugins": ""})
    routes = [item["introspectable"]["name"] for item in config.introspector.get_category("routes")]
    assert not [name for name in routes if name.startswith("webhooks.")]
    assert not [name for name in table(config.registry, "jobs") if name.startswith("webhooks.")]
    assert "webhooks_courier" not in config.registry


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ports", "443 https"),
        ("ports", ""),
        ("ports", "0"),
        ("ports", "65536"),
        ("timeout_seconds", "0"),
        ("timeout_seconds", "3600"),
        ("threads", "1"),
        ("retention_days", "1"),
        ("allow_privat", "true"),
        ("ca_file", "/nowhere/ca.pem"),
        ("ca_file", __file__),
    ],
)
def test_a_wrong_setting_stops_the_start(name, value):
    with pytest.raises(ConfigurationError, match=rf"webhooks\.{name}"):
        configure({**NOWHERE, f"webhooks.{name}": value})


def test_production_cannot_open_its_own_network():
    with pytest.raises(ConfigurationError, match=r"webhooks\.allow_private = true .* remove it"):
        configure({**NOWHERE, "webhooks.allow_private": "true"})


def test_other_ports_are_allowed_by_configuration():
    locate = configure({**NOWHERE, "webhooks.ports": "443 8443"}).registry["webhooks_destinations"].locate
    assert locate("https://93.184.215.14:8443/", 1)[1] == ["93.184.215.14"]
    with pytest.raises(Exception, match="may not name port 8444; use 443 or 8443"):
        locate("https://93.184.215.14:8444/", 1)


def test_messages_are_forgotten_after_their_days_with_their_deliveries(owner, receiver):
    _endpoint, old = owner.send(receiver.url)
    owner.travel("29 days")
    endpoint = owner.add(receiver.url)
    new = owner.test(endpoint)
    run_jobs(owner)
    assert {row["id"] for row in owner.deliveries()} == {old["id"], new["id"]}
    owner.travel("31 days")
    run_jobs(owner)
    assert [row["id"] for row in owner.deliveries()] == [new["id"]]
    assert owner.market.query("SELECT count(*) FROM webhooks_messages") == [(1,)]


def run_jobs(owner):
    enqueued, _seconds = enqueue_due(owner.market.registry)
    assert "webhooks.forget_old_messages" in enqueued
    run_waiting(owner.market.registry)
    owner.courier.drain(20)
