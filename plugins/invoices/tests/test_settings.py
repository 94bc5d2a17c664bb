"""Settings that cannot be used stop the start; tables come and go with their migrations."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marketcore.config import configure
from marketcore.db import migrate
from marketcore.db.metadata import core_metadata
from marketcore.exceptions import ConfigurationError
from marketcore.plugins import migration_locations

NOWHERE = {
    "marketcore.plugins": "invoices",
    "marketcore.database_url": "postgresql://nobody@127.0.0.1:1/none",
    "marketcore.redis_url": "redis://127.0.0.1:1/0",
    "marketcore.environment": "development",
}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("time_zone", "Mars/Olympus", r"invoices\.time_zone = 'Mars/Olympus' .* Africa/Nairobi"),
        ("time_zone", "../etc/passwd", r"is not a time zone"),
        ("invoice_prefix", "{buyer}-", r"invoices\.invoice_prefix = .* around one \{seller\}"),
        ("invoice_prefix", "x" * 30, r"at most 12"),
        ("credit_note_prefix", "S{seller}-", r"credit_note_prefix = .* has to differ from invoices\.invoice_prefix"),
        ("font_folder", "/no/such/folder", r"invoices\.font_folder = .* is not a folder"),
        ("since", "yesterday", r"invoices\.since = 'yesterday'"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_says_what_is_meant(tmp_path, name, value, told):
    settings = {**NOWHERE, "marketcore.data_dir": str(tmp_path), f"invoices.{name}": value}
    with pytest.raises(ConfigurationError, match=told):
        configure(settings)


def test_prefixes_and_the_time_zone_make_the_number(make_trade):
    trade = make_trade({"invoices__invoice_prefix": "SOKO/", "invoices__time_zone": "Africa/Nairobi"})
    trade.pay_for()
    invoice = trade.invoice()
    assert invoice["number"] == f"SOKO/{invoice['issued_on'][:4]}-000001"
    trade.run_jobs()
    answer = trade.buyer.get(f"/api/v1/invoices/{invoice['id']}/pdf")
    assert f'filename="SOKO-{invoice["issued_on"][:4]}-000001.pdf"' in answer.headers["Content-Disposition"]


def test_the_tables_are_those_of_the_models(shared):
    with shared.registry["engine"].connect() as connection:
        options = {"include_object": of_this_plugin, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, core_metadata()) == []


def of_this_plugin(_thing, name, type_, _reflected, _other):
    return type_ != "table" or name.startswith("invoices_")


def test_the_migrations_go_down_and_up_again(make_market):
    url = make_market("invoices").settings["marketcore.database_url"]
    migrate.downgrade(url, "invoices@base", migration_locations())
    assert not migrate.is_current(url, ["invoices"], migration_locations())
    assert migrate.upgrade(url, ["invoices"], migration_locations()) == ["invoices_0001"]


def test_a_marketplace_without_the_plugin_has_nothing_of_it(make_market):
    market = make_market()
    with market.client() as http:
        assert http.get("/api/v1/invoices").status_code == 404
    assert market.query("SELECT to_regclass('invoices_documents')") == [(None,)]
