"""The dashboard: earnings and where they stand, commission, withdrawals, and sales by day and product."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import colander
import pytest
from sqlalchemy import text

from marketcore.directives import table
from marketcore.interfaces import Capabilities, Enrollment, Outcome, ProviderResult
from marketcore.money import commission
from marketcore.orders.rules import platform_share
from marketcore_vendors.sales import DAYS, FEE, KEPT, Span

from .people import Stall, done

SVG = "{http://www.w3.org/2000/svg}"
NOTHING = {"orders": 0, "units": 0, **dict.fromkeys(("gross", "refunded", "commission", "net"), "0.00")}


@pytest.fixture(scope="module")
def settings():
    return {"orders.commission_bp": "200"}


@pytest.fixture(scope="module")
def stall(quarter):
    """Two products; three orders on two days of January, one of both products with a part given back."""
    stall = Stall(quarter)
    stall.basket, basket = stall.offer("100.01", "Basket <&> \x01 “sisal”")
    stall.mat, mat = stall.offer("33.33", "=Mat")
    stall.orders = [
        stall.sell(basket, day="2026-01-10T23:59:59.999999Z"),
        stall.sell(basket, mat, quantity=3, day="2026-01-11T00:00:00Z"),
        stall.sell(mat, day="2026-01-11T12:00:00Z"),
    ]
    stall.give_back(stall.orders[1], "100.07")
    return stall


def plain(figures):
    """Return figures with amounts as texts, checking their currency."""
    return {
        name: value["amount"] if isinstance(value, dict) else value
        for name, value in figures.items()
        if name in NOTHING
    }


def summed(items):
    whole = {name: sum(item[name] for item in map(plain, items)) for name in ("orders", "units")}
    money = {
        name: str(sum(Decimal(item[name]) for item in map(plain, items)))
        for name in ("gross", "refunded", "commission", "net")
    }
    return {**whole, **money}


def test_B4_K3_S9_sales_are_shown_day_by_day_with_what_was_given_back_and_the_commission(stall):
    shown = stall.read("sales/days", **{"from": "2026-01-09", "to": "2026-01-12"})
    assert (shown["currency"], shown["from"], shown["to"]) == ("KES", "2026-01-09", "2026-01-12")
    days = {item["day"]: plain(item) for item in shown["items"]}
    assert list(days) == ["2026-01-09", "2026-01-10", "2026-01-11", "2026-01-12"]
    assert days["2026-01-09"] == days["2026-01-12"] == NOTHING
    # 2 % of 100.01 is 2.0002.
    first = {"orders": 1, "units": 1, "gross": "100.01", "refunded": "0.00", "commission": "2.00", "net": "98.01"}
    assert days["2026-01-10"] == first
    # 400.02 with 8.00 commission, of which 2.00 go with the 100.07 given back, and 33.33 with 0.67.
    second = {"orders": 2, "units": 7, "gross": "433.35", "refunded": "100.07", "commission": "6.67", "net": "326.61"}
    assert days["2026-01-11"] == second
    assert plain(shown["total"]) == summed(shown["items"])


def test_B4_K3_S9_sales_by_product_add_up_to_the_days_whatever_was_rounded(stall):
    january = {"from": "2026-01-01", "to": "2026-01-31"}
    days = stall.read("sales/days", **january)
    first = stall.read("sales/products", **january, limit=1)
    second = stall.read("sales/products", **january, limit=1, cursor=first["next"])
    assert [item["product_id"] for item in first["items"] + second["items"]] == [stall.basket, stall.mat]
    assert second["next"] is None
    by_product = summed(first["items"] + second["items"])
    assert {**by_product, "orders": 3} == plain(days["total"])
    of_one = [stall.read("sales/days", **january, product_id=id)["total"] for id in (stall.basket, stall.mat)]
    assert [plain(figures) for figures in of_one] == [plain(item) for item in first["items"] + second["items"]]


def test_B4_sales_are_somebodys_own_and_admins_see_them_all(stall, quarter):
    for what in ("earnings", "commission-rates", "sales/days", "sales/days.csv", "sales/days.svg", "sales/products"):
        path = f"{stall.seller.path}/{what}"
        assert quarter.admin.http.get(path).status_code == 200, path
        assert quarter.stranger.http.get(path).status_code == 404, path
        assert stall.buyer.get(path).status_code == 403, path
        assert quarter.admin.http.get(f"/api/v1/vendors/{quarter.buyer.id}/{what}").status_code == 404, path


def test_S9_a_span_is_bounded_and_ends_after_it_begins(stall):
    path = f"{stall.seller.path}/sales/days"
    for query, field in (
        ({"from": "2026-02-01", "to": "2026-01-31"}, "from"),
        ({"from": "2025-01-01", "to": "2026-01-02"}, "from"),
        ({"from": "2026-13-01"}, "from"),
        ({"to": "9999-12-31"}, "to"),
        ({"to": "1999-12-31"}, "to"),
        ({"currency": "XYZ"}, "currency"),
    ):
        answer = stall.seller.http.get(path, params=query)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field]), answer.text
    assert len(stall.read("sales/days", **{"from": "2025-01-01", "to": "2026-01-01"})["items"]) == 366
    assert len(stall.read("sales/days")["items"]) == 30
    assert plain(stall.read("sales/days", currency="JPY")["total"])["gross"] == "0"


def test_S9_figures_are_downloaded_as_csv_that_no_spreadsheet_carries_out(stall):
    january = {"from": "2026-01-10", "to": "2026-01-11"}
    answer = stall.seller.http.get(f"{stall.seller.path}/sales/products.csv", params=january)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="sales-products-2026-01-10-2026-01-11.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["title"] for row in rows] == ["Basket <&> \x01 “sisal”", "'=Mat"]
    days = stall.seller.http.get(f"{stall.seller.path}/sales/days.csv", params=january)
    shown = list(csv.reader(io.StringIO(days.text)))
    assert shown[0] == ["day", "currency", "orders", "units", "gross", "refunded", "commission", "net"]
    assert shown[1] == ["2026-01-10", "KES", "1", "1", "100.01", "0.00", "2.00", "98.01"]


def test_S9_figures_are_drawn_as_accessible_svg_that_runs_nothing(stall):
    january = {"from": "2026-01-10", "to": "2026-01-11", "measure": "gross"}
    for what, bars in (("days", 2), ("products", 2)):
        answer = stall.seller.http.get(f"{stall.seller.path}/sales/{what}.svg", params=january)
        assert answer.headers["content-type"] == "image/svg+xml; charset=utf-8"
        assert "sandbox" in answer.headers["content-security-policy"]
        drawn = ET.fromstring(answer.text)
        assert drawn.get("role") == "img"
        assert drawn.find(f"{SVG}title").text.startswith("Sales by")
        assert "2026-01-10" in drawn.find(f"{SVG}desc").text
        assert len(drawn.findall(f"{SVG}rect/{SVG}title")) == bars
    assert "Basket <&> \ufffd “sisal”: 400.04" in [title.text for title in drawn.iter(f"{SVG}title")]


def test_K3_M6_what_the_platform_keeps_is_rounded_as_the_ledger_rounds_it(quarter):
    orders = [(total, fee, gone) for total in (1, 2, 3, 7, 99, 10_001) for fee in (0, 1, total // 2, total)
              for gone in (0, 1, total // 3, total - 1, total) if fee <= total and gone <= total]  # fmt: skip
    names = ("total_minor", "commission_minor", "refunded_minor")
    columns = ", ".join(f"CAST(:{name} AS bigint[])" for name in names)
    rows = quarter.market.query(
        f"""SELECT {KEPT} AS kept FROM (
                SELECT *, 0 AS disputed_minor
                FROM unnest({columns}) WITH ORDINALITY AS u({", ".join(names)}, place)) o ORDER BY place""",
        **dict(zip(names, map(list, zip(*orders, strict=True)), strict=True)),
    )
    expected = [
        fee - platform_share(SimpleNamespace(total_minor=total, commission_minor=fee), gone)
        for total, fee, gone in orders
    ]
    assert [int(row.kept) for row in rows] == expected


def test_K3_M6_the_commission_of_a_line_is_rounded_as_at_checkout(quarter):
    lines = [
        (total, bp) for total in (1, 25, 49, 50, 75, 9_999, 10_001, 10**18 - 1) for bp in (0, 1, 200, 5_000, 10_000)
    ]
    rows = quarter.market.query(
        f"""SELECT {FEE} AS fee FROM unnest(CAST(:totals AS bigint[]), CAST(:rates AS int[])) WITH ORDINALITY
            AS n(total_minor, commission_bp, place) ORDER BY place""",
        totals=[total for total, _bp in lines],
        rates=[bp for _total, bp in lines],
    )
    assert [row.fee for row in rows] == [commission(*line) for line in lines]


def test_S9_sales_are_found_by_an_index(stall):
    span = Span(stall.seller.id, "KES", date(2026, 1, 1), date(2026, 1, 31))
    with stall.market.registry["engine"].connect() as connection:
        # So few orders are found by any index; a market with many has no use for this one.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("DROP INDEX ix_orders_seller_id_id"))
        plan = "\n".join(connection.scalars(text(f"EXPLAIN {DAYS.text}"), {**span.values, "product": None}))
        connection.rollback()
    assert "ix_orders_seller_id_paid_at" in plan
    assert "ix_order_lines_order_id" in plan


def test_K3_M6_commission_is_shown_and_taken_by_the_closest_rate_of_seller_and_category(quarter):
    stall, admin = Stall(quarter), quarter.admin.http
    home, art = (done(admin.post("/api/v1/categories", json={"name": name}))["id"] for name in ("Home", "Art"))
    shown = stall.read("commission-rates")
    assert (shown["basis_points"], shown["agreed"], shown["items"]) == (200, False, [])
    rates = [({"category_id": home}, 500), ({"category_id": home, "seller_id": stall.seller.id}, 100)]
    for named, basis_points in [*rates, ({"category_id": art}, 1000)]:
        done(admin.put("/api/v1/commission-rates", json={**named, "basis_points": basis_points}))
    shown = {item["category_id"]: item["basis_points"] for item in stall.read("commission-rates")["items"]}
    assert shown == {home: 100, art: 1000}
    for category, price in ((home, "10.00"), (art, "10.00"), (None, "10.00")):
        stall.complete(stall.sell(stall.offer(price, category_id=category)[1]))
    assert plain(stall.read("sales/days")["total"])["commission"] == "1.30"
    done(admin.put("/api/v1/commission-rates", json={"seller_id": stall.seller.id, "basis_points": 300}))
    shown = stall.read("commission-rates", limit=1)
    assert (shown["basis_points"], shown["agreed"]) == (300, True)
    # A seller's own rate counts before a category's, and a rate for both before that.
    assert [item["category_id"] for item in shown["items"]] == [home]
    for named in ({"category_id": home}, {"category_id": home, "seller_id": stall.seller.id}, {"category_id": art}):
        assert admin.delete("/api/v1/commission-rates", params=named).status_code == 204


class Till:
    """A payout provider that does as it is told."""

    name = title = webhook_slug = "till"
    payout_capabilities = Capabilities(currencies={"KES": 1})
    destination_schema = colander.MappingSchema()
    outcome = Outcome.SUCCEEDED

    def enroll(self, destination):
        return Enrollment("active", "till-1")

    def pay_out(self, payout):
        return ProviderResult(self.outcome, reference=str(payout.id), amount=payout.amount, reason="account_closed")

    fetch_payout = pay_out


def earned(stall):
    (item,) = stall.read("earnings")["items"]
    return {name: value["amount"] for name, value in item.items() if name != "currency"}


def test_B4_K3_S9_earnings_wait_become_available_and_are_withdrawn_or_come_back(quarter):
    stall, till = Stall(quarter), Till()
    table(quarter.market.registry, "payout providers")["till"] = till
    order = stall.sell(stall.offer("1000.00")[1])
    empty = dict.fromkeys(("available", "in_withdrawal", "withdrawn", "owed"), "0.00")
    assert earned(stall) == {"pending": "1000.00", "pending_commission": "20.00", **empty}
    stall.give_back(order, "100.00")
    assert earned(stall) == {"pending": "900.00", "pending_commission": "18.00", **empty}
    stall.complete(order)
    settled = {"pending": "0.00", "pending_commission": "0.00", **empty}
    assert earned(stall) == {**settled, "available": "882.00"}
    assert plain(stall.read("sales/days")["total"])["net"] == "882.00"
    wish = {"provider": "till", "details": {}}
    destination = done(stall.seller.http.post("/api/v1/payout-destinations", json=wish))["id"]

    def withdraw(amount, **decision):
        money = {"destination_id": destination, "amount": {"amount": amount, "currency": "KES"}}
        payout = done(stall.seller.http.post("/api/v1/payouts", json=money))
        assert payout["state"] == "requested"
        assert earned(stall)["in_withdrawal"] == amount
        done(quarter.admin.http.post(f"/api/v1/payouts/{payout['id']}/decision", json=decision))
        quarter.run_jobs()
        return done(stall.seller.http.get(f"/api/v1/payouts/{payout['id']}"))["state"]

    assert withdraw("500.00", approve=True) == "paid"
    assert earned(stall) == {**settled, "available": "382.00", "withdrawn": "500.00"}
    assert withdraw("382.00", approve=False, reason="Wrong account.") == "rejected"
    till.outcome = Outcome.DECLINED
    assert withdraw("382.00", approve=True) == "failed"
    assert earned(stall) == {**settled, "available": "382.00", "withdrawn": "500.00"}
    too_much = {"destination_id": destination, "amount": {"amount": "382.01", "currency": "KES"}}
    assert stall.seller.http.post("/api/v1/payouts", json=too_much).status_code == 409
