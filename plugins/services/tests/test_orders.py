"""Orders of services: placed with a page to pay on, invoiced, worked on and completed by jobs."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import httpx
import pytest

from marketcore.disputes.services import DisputeService
from marketcore.interfaces import DisputeReport
from marketcore.jobs.running import run_waiting
from marketcore.money import Money
from marketcore.payments import beginning
from marketcore.settings import section
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import money_arrives
from marketcore_services.jobs import catch_up, complete, start_processing
from marketcore_simulator.testing import eventually

from .conftest import SECRET
from .people import Person, taka

_DUE = "UPDATE services_orders SET due_at = market_clock() WHERE order_id = :id"


def pay(yard, placed):
    """Let the money of a placed order arrive."""
    assert money_arrives(yard.market, placed["order"]["checkout_id"])


def history(yard, placed):
    whole = yard.customer.done("GET", f"/orders/{placed['order']['order_number']}")
    return [change["state"] for change in whole["history"]]


def test_L4_a_customer_orders_a_variant_pays_on_the_page_and_the_work_gets_done(yard, simulator):
    service, variant = yard.offer("750.00")
    with httpx.Client(base_url=simulator.url, trust_env=False, verify=False) as stripe:
        endpoint = {
            "url": f"{yard.market.url}/hooks/stripe",
            "secret": SECRET,
            "events": ["checkout.session.completed"],
        }
        stripe.post("/_sim/stripe/endpoints", json=endpoint).raise_for_status()
        placed = yard.placed(service, variant)
        assert uuid.UUID(placed["order_id"]).version == 4
        assert placed["checkout_url"].startswith(simulator.url)
        assert placed["order"]["total"] == placed["payment"]["amount"] == taka("750.00")
        assert (placed["order"]["state"], yard.told(yard.customer)) == ("pending_payment", [])
        (session,) = [
            session
            for session in stripe.get("/_sim/stripe/objects/checkout.session").json()["items"]
            if session["client_reference_id"] == placed["payment"]["id"]
        ]
        stripe.post(f"/_sim/stripe/sessions/{session['id']}/pay", json={}).raise_for_status()
    eventually(lambda: run_waiting(yard.market.registry) and yard.state(placed) == "processing")
    assert yard.customer.done("GET", f"/orders/{placed['order']['order_number']}")["held"] == taka("750.00")
    yard.work()
    assert yard.state(placed) == "processing"
    yard.market.travel("31 seconds")
    yard.work()
    assert yard.state(placed) == "completed"
    assert history(yard, placed) == ["pending_payment", "paid", "processing", "completed"]
    assert {"service.work_begun", "service.work_done", "payment.received"} <= set(yard.told(yard.customer))


def test_L4_completion_gives_the_vendor_the_price_less_the_commission(yard):
    service, variant = yard.offer("1000.00", "KES")
    before = balance(yard, "available")
    placed = yard.placed(service, variant)
    pay(yard, placed)
    assert balance(yard, "held") >= 100_000
    yard.work()
    assert yard.state(placed) == "processing"
    yard.market.query(_DUE, id=placed["order"]["order_number"])
    yard.market.perform(complete, placed["order"]["order_number"])
    assert balance(yard, "available") - before == 98_000


def balance(yard, name):
    rows = yard.vendor.done("GET", "/balances")["items"]
    return sum(Money.parse(row[name]["amount"], "KES").minor for row in rows if row[name]["currency"] == "KES")


def test_L7_a_paid_order_of_work_has_a_numbered_invoice_for_both_sides(yard):
    service, variant = yard.offer("640.00")
    placed = yard.placed(service, variant)
    path = f"/orders/{placed['order']['order_number']}/invoice"
    assert yard.customer.ask("GET", path).status_code == 404
    pay(yard, placed)
    yard.work()
    for who in (yard.customer, yard.vendor):
        invoice = who.done("GET", path)
        assert invoice["total"] == taka("640.00")
        assert invoice["number"].startswith(f"S{yard.vendor.id}-")
        assert who.ask("GET", f"{path}.pdf").content.startswith(b"%PDF-")
    assert yard.other.ask("GET", f"{path}.pdf").status_code == 404


@pytest.mark.parametrize(("price", "currency", "least"), [("59.99", "BDT", "60.00"), ("49.99", "KES", "50.00")])
def test_L4_an_order_below_the_minimum_is_refused_with_the_minimum(yard, price, currency, least):
    service, variant = yard.offer(price, currency)
    before = yard.market.query("SELECT count(*) FROM checkouts")
    refused = yard.order(service, variant)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (409, "below-minimum")
    assert refused.json()["minimum"] == taka(least, currency)
    assert yard.market.query("SELECT count(*) FROM checkouts") == before
    yard.vendor.done("PATCH", f"/service-variants/{variant['id']}", {"price": taka(least, currency)})
    assert yard.placed(service, variant)["order"]["total"] == taka(least, currency)


def test_L4_prices_and_names_are_those_of_the_moment_of_the_order(yard):
    service, variant = yard.offer("500.00")
    placed = yard.placed(service, variant)
    yard.vendor.done("PATCH", f"/service-variants/{variant['id']}", {"name": "Dearer", "price": taka("800.00")})
    dearer = yard.placed(service, variant)
    yard.vendor.done("DELETE", f"/services/{service['id']}")
    found = yard.customer.done("GET", f"/service-orders/{placed['order_id']}")
    assert (found["variant"], found["total"], found["service_id"]) == ("Small telephone", taka("500.00"), None)
    assert yard.customer.done("GET", f"/service-orders/{dearer['order_id']}")["total"] == taka("800.00")
    pay(yard, placed)
    yard.work()
    assert yard.state(placed) == "processing"


def test_L4_only_an_approved_service_of_that_vendor_can_be_ordered_and_not_ones_own(yard):
    hidden, variant = yard.offer(approved=False)
    assert yard.order(hidden, variant).status_code == 404
    service, variant = yard.offer()
    foreign = {**service, "vendor": {"id": yard.rival.id}}
    assert yard.order(foreign, variant).status_code == 404
    assert yard.order(service, variant, who=yard.vendor).status_code == 403
    assert yard.order(service, variant, who=yard.nobody).status_code == 401
    both = Person(yard.market, "buyer", "seller")
    own, variant = yard.offer(vendor=both)
    assert yard.order(own, variant, who=both).status_code == 409


def test_L4_the_same_idempotency_key_orders_once(yard):
    service, variant = yard.offer()
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first, second = (yard.order(service, variant, headers=key) for _again in range(2))
    assert (first.status_code, second.json()) == (201, first.json())
    orders = yard.vendor.done("GET", "/service-orders?role=vendor&state=pending_payment")["items"]
    assert [order["order_id"] for order in orders if order["service_id"] == service["id"]] == [first.json()["order_id"]]


def test_L4_another_provider_has_no_page_and_one_that_cannot_collect_leaves_no_order(yard):
    service, variant = yard.offer()
    placed = yard.placed(service, variant, body={"provider": "bank_transfer"})
    assert (placed["checkout_url"], placed["payment"]["next_action"]["kind"]) == (None, "instructions")
    before = yard.market.query("SELECT count(*) FROM orders")
    assert yard.order(service, variant, body={"provider": "nobody"}).status_code == 422
    assert yard.market.query("SELECT count(*) FROM orders") == before


def test_L4_many_order_at_once_and_a_service_that_goes_away_meanwhile_is_ordered_or_not(yard):
    service, variant = yard.offer()
    answers = at_once([lambda: yard.order(service, variant)] * 4)
    assert {answer.status_code for answer in answers} == {201}
    (row,) = yard.market.query(
        "SELECT count(DISTINCT l.listing_id) AS listings FROM order_lines l JOIN services_orders w USING (order_id) "
        "WHERE w.variant_id = :id",
        id=variant["id"],
    )
    assert row.listings == 1
    remove = lambda: yard.vendor.ask("DELETE", f"/services/{service['id']}")  # noqa: E731
    *ordered, removed = at_once([lambda: yard.order(service, variant)] * 3 + [remove])
    assert {answer.status_code for answer in ordered} <= {201, 404}
    assert removed.status_code == 204


def test_L4_a_process_that_dies_before_asking_the_provider_leaves_one_order_to_its_key(yard, monkeypatch):
    service, variant = yard.offer()
    key = {"Idempotency-Key": uuid.uuid4().hex}

    def die(*_given):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(beginning, "submit", die)
        assert yard.order(service, variant, headers=key).status_code == 500
    assert yard.order(service, variant, headers=key).status_code == 409
    yard.market.query("UPDATE idempotency_keys SET created_at = created_at - interval '2 minutes'")
    again = yard.order(service, variant, headers=key)
    assert (again.status_code, again.json()["payment"]["state"]) == (201, "submitting")
    (row,) = yard.market.query("SELECT count(*) FROM services_orders WHERE variant_id = :id", id=variant["id"])
    assert row.count == 1


def test_L4_work_takes_as_long_as_its_variant_says_where_that_is_configured(yard):
    service, variant = yard.offer()
    yard.vendor.done("PATCH", f"/service-variants/{variant['id']}", {"duration_minutes": 45})
    settings = section(yard.market.registry, "services")
    settings["wait_for_duration"] = True
    try:
        placed = yard.placed(service, variant)
        pay(yard, placed)
        yard.work()
    finally:
        settings["wait_for_duration"] = False
    shown = yard.customer.done("GET", f"/service-orders/{placed['order_id']}")
    began, due = (datetime.fromisoformat(shown[name]) for name in ("started_at", "due_at"))
    assert (due - began, shown["state"]) == (timedelta(minutes=45), "processing")


def test_L4_an_order_is_shown_to_its_customer_its_vendor_and_admins_only(yard):
    placed = yard.placed(*yard.offer())
    path = f"/service-orders/{placed['order_id']}"
    told = {who: getattr(yard, who).ask("GET", path).status_code for who in ("customer", "vendor", "admin")}
    assert set(told.values()) == {200}
    assert yard.other.ask("GET", path).status_code == yard.rival.ask("GET", path).status_code == 404


def test_L5_the_jobs_change_nothing_when_they_run_again_or_at_once(yard):
    placed = yard.placed(*yard.offer())
    number = placed["order"]["order_number"]
    yard.market.perform(start_processing, number)
    yard.market.perform(complete, number)
    assert yard.state(placed) == "pending_payment"
    pay(yard, placed)
    at_once([lambda: yard.market.perform(start_processing, number)] * 3)
    yard.market.perform(complete, number)
    assert yard.state(placed) == "processing"
    yard.market.query(_DUE, id=number)
    at_once([lambda: yard.market.perform(complete, number)] * 3)
    assert history(yard, placed) == ["pending_payment", "paid", "processing", "completed"]
    yard.market.perform(start_processing, number)
    assert yard.state(placed) == "completed"


def test_L5_work_whose_jobs_were_never_written_is_found_and_goes_on(yard):
    placed = yard.placed(*yard.offer())
    number = placed["order"]["order_number"]
    pay(yard, placed)
    yard.market.query("DELETE FROM jobs WHERE name = 'services.start_processing'")
    yard.market.perform(catch_up)
    yard.work()
    assert yard.state(placed) == "paid"
    yard.market.query("UPDATE orders SET updated_at = updated_at - interval '2 minutes' WHERE id = :id", id=number)
    yard.market.perform(catch_up)
    yard.work()
    assert yard.state(placed) == "processing"


def test_L4_work_is_never_packed_or_shipped_and_a_dispute_keeps_it_from_being_completed(yard):
    placed = yard.placed(*yard.offer())
    number = placed["order"]["order_number"]
    assert yard.customer.done("GET", f"/orders/{number}")["ships"] is False
    pay(yard, placed)
    assert yard.vendor.ask("POST", f"/orders/{number}/steps", {"to": "confirmed"}).status_code == 409
    yard.work()
    (payment,) = yard.market.query("SELECT payment_id FROM orders WHERE id = :id", id=number)
    for state in ("open", "won"):
        report = DisputeReport(f"case {number}", state, Money(75_000, "BDT"), payment.payment_id)
        yard.market.perform(lambda request, report=report: request.find_service(DisputeService).apply("cash", report))
        yard.market.query(_DUE, id=number)
        yard.work()
        assert yard.state(placed) == {"open": "disputed", "won": "completed"}[state]


def test_L4_whoever_orders_may_call_it_off_until_the_work_has_begun(yard):
    placed = yard.placed(*yard.offer())
    steps = f"/orders/{placed['order']['order_number']}/steps"
    assert yard.customer.done("POST", steps, {"to": "cancelled"})["state"] == "cancelled"
    begun = yard.placed(*yard.offer())
    pay(yard, begun)
    yard.work()
    refused = yard.customer.ask("POST", f"/orders/{begun['order']['order_number']}/steps", {"to": "cancelled"})
    assert refused.status_code == 403
    done = yard.customer.done("POST", f"/orders/{begun['order']['order_number']}/steps", {"to": "completed"})
    assert done["state"] == "completed"
