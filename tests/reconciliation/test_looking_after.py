"""Differences belong to somebody, have an age, and are looked after by admins alone."""

from __future__ import annotations

import pytest

from marketcore.reconciliation.services import reconcile_all
from marketcore.testing.shop import register

PATH = "/api/v1/reconciliation/differences"


def admin_of(office, email=None):
    user = register(office.market, "buyer")["user"]
    office.market.query(
        "UPDATE users SET roles = '{admin}', email = coalesce(:email, email) WHERE id = :id", id=user["id"], email=email
    )
    return {**user, "email": email or user["email"]}


@pytest.fixture
def difference(books):
    """A difference that was found a day ago."""
    payment = books.buy()
    books.gateway.settle(payment, "captured")
    books.tell(payment, "captured")
    books.market.travel("2 hours")
    assert reconcile_all(books.market.registry) == 1
    books.market.query(
        "UPDATE reconciliation_differences SET first_seen_at = first_seen_at - CAST('1 day' AS interval)"
    )
    return books.admin.get(PATH).json()["items"][0]


def test_a_difference_is_listed_with_its_age_and_nobody_as_its_owner(difference):
    assert 86_400 <= difference["age_seconds"] < 90_000
    assert (difference["owner_id"], difference["owner"], difference["note"]) == (None, None, "")
    assert difference["here"] == {"amount": "500.00", "currency": "KES"}
    assert (difference["kind"], difference["there"]) == ("only_here", None)


def test_admins_say_who_looks_after_it_and_what_is_known(books, difference):
    owner = admin_of(books)
    address = f"{PATH}/{difference['id']}"
    answer = books.admin.patch(address, json={"owner_id": owner["id"], "note": "asked fakepay"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["owner_id"], answer.json()["note"]) == (owner["id"], "asked fakepay")
    assert books.admin.patch(address, json={"note": "they have it now"}).json()["owner_id"] == owner["id"]
    acts = books.market.query("SELECT actor, subject_id FROM audit_log WHERE act = 'difference.assign'")
    assert [subject for _actor, subject in acts] == [str(difference["id"])] * 2
    assert all(actor.startswith("user:") for actor, _subject in acts)


def test_it_can_belong_to_admins_only(books, difference):
    answer = books.admin.patch(f"{PATH}/{difference['id']}", json={"owner_id": books.buyer_user["user"]["id"]})
    assert (answer.status_code, answer.json()["errors"]) == (422, {"owner_id": "must be an admin"})
    assert books.admin.patch(f"{PATH}/999999", json={"note": "x"}).status_code == 404


def test_nobody_else_sees_or_assigns_it(books, difference):
    for who in (books.buyer, books.seller):
        who.headers["Authorization"] = f"Bearer {register(books.market, 'both')['access']}"
        assert who.get(PATH).status_code == 403
        assert who.patch(f"{PATH}/{difference['id']}", json={"note": "x"}).status_code == 403


def test_what_is_resolved_is_listed_only_on_demand(books, difference):
    books.market.query("UPDATE reconciliation_differences SET resolved_at = market_clock()")
    assert books.admin.get(PATH).json()["items"] == []
    (shown,) = books.admin.get(PATH, params={"open": "false"}).json()["items"]
    assert shown["id"] == difference["id"]
    assert shown["resolved_at"] is not None


def test_new_differences_belong_to_the_admin_of_the_configuration(make_books):
    office = make_books({"reconciliation__owner": "books@example.test"})
    owner = admin_of(office, "books@example.test")
    payment = office.buy()
    office.tell(payment, "captured")
    office.market.travel("2 hours")
    assert reconcile_all(office.market.registry) == 1
    ((owner_id,),) = office.market.query("SELECT owner_id FROM reconciliation_differences")
    assert owner_id == owner["id"]


def test_everything_that_waits_for_a_person_names_it(books, difference):
    (item,) = books.admin.get("/api/v1/reconciliation/exceptions").json()["items"]
    assert (item["kind"], item["id"], item["state"]) == ("difference", str(difference["id"]), "only_here")
    assert difference["what"] in item["remedy"]
