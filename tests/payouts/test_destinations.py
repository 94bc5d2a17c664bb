"""Where people are paid: theirs alone, known to the provider, usable once it says so."""

from __future__ import annotations

import pytest
from bank import deliver

from marketcore.payouts.destinations import enroll
from marketcore.testing.contracts import at_once

PATH = "/api/v1/payout-destinations"


def test_a_destination_is_made_known_to_its_provider_and_can_be_paid_to(desk):
    destination = desk.destination
    assert (destination["state"], destination["label"], destination["next_action"]) == ("active", "Savings", None)
    known = desk.bank.accounts[destination["id"]]
    assert (known["account"], known["email"]) == ("123456", desk.seller.email)
    assert known["return_url"] == f"{desk.market.url}{PATH}/{destination['id']}"
    assert desk.seller.http.get(PATH).json()["items"] == [destination]
    assert desk.seller.http.get(f"{PATH}/{destination['id']}").json() == destination
    assert "123456" not in desk.seller.http.get(PATH).text


def test_pages_of_the_front_end_are_what_payees_come_back_to(desk, setting):
    setting("return_url", "https://shop.example/paid")
    setting("refresh_url", "https://shop.example/link")
    known = desk.bank.accounts[desk.add_destination()["id"]]
    assert (known["return_url"], known["refresh_url"]) == ("https://shop.example/paid", "https://shop.example/link")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"provider": "nobody"}, {"provider"}),
        ({"details": {}}, {"details.account"}),
        ({"details": {"account": "12"}}, {"details.account"}),
        ({"details": {"account": "123456", "more": "x"}}, {"details"}),
        ({"details": {"account": "12345\x00"}}, {"details"}),
    ],
)
def test_what_the_provider_cannot_use_is_refused_by_its_field_and_not_kept(desk, body, fields):
    answer = desk.try_destination(**body)
    assert (answer.status_code, set(answer.json().get("errors", {}))) == (422, fields)
    assert len(desk.seller.http.get(PATH).json()["items"]) == 1


def test_a_pending_destination_tells_what_to_do_and_cannot_be_paid_to(desk):
    desk.bank.doors.append("pending")
    desk.destination = desk.add_destination()
    assert desk.destination["state"] == "pending"
    assert desk.destination["next_action"] == {"kind": "redirect", "data": {"url": "https://bank.test/1"}}
    assert desk.ask().status_code == 409
    desk.bank.doors.append("pending")
    link = f"{PATH}/{desk.destination['id']}/link"
    assert desk.seller.http.post(link).json()["next_action"]["data"] == {"url": "https://bank.test/2"}
    assert desk.seller.http.post(link).json()["state"] == "active"
    assert desk.ask().status_code == 201


def test_a_rejected_destination_says_why_and_cannot_be_paid_to(desk):
    desk.bank.doors.append("rejected")
    desk.destination = desk.add_destination()
    assert (desk.destination["state"], desk.destination["reason"]) == ("rejected", "no such account")
    assert desk.ask().status_code == 409


def test_a_provider_that_fails_leaves_the_destination_pending_and_is_asked_again(desk):
    desk.bank.doors.append("http_500")
    destination = desk.add_destination()
    assert (destination["state"], destination["next_action"]) == ("pending", None)
    assert desk.seller.http.post(f"{PATH}/{destination['id']}/link").json()["state"] == "active"


@pytest.mark.parametrize("named", ["by our id", "by the provider's name of it"])
def test_a_report_of_the_provider_changes_its_destination(desk, named):
    desk.bank.doors.append("pending")
    destination = desk.add_destination()
    more = {} if named == "by our id" else {"id": None}
    event = desk.bank.door_event(destination, "active", **more)
    for _time in range(2):
        assert deliver(desk.market.url, event).status_code == 200
    desk.work()
    assert desk.seller.http.get(f"{PATH}/{destination['id']}").json()["state"] == "active"
    assert [row.status for row in desk.market.query("SELECT status FROM webhook_inbox")] == ["done"]
    deliver(desk.market.url, desk.bank.door_event(destination, "rejected", reason="closed"))
    desk.work()
    told = desk.seller.http.get(f"{PATH}/{destination['id']}").json()
    assert (told["state"], told["reason"]) == ("rejected", "closed")


def test_a_report_about_a_destination_of_another_provider_or_nobody_waits_in_the_inbox(desk):
    deliver(desk.market.url, desk.bank.door_event(desk.destination, "rejected"), slug="fw")
    desk.work()
    assert desk.seller.http.get(PATH).json()["items"][0]["state"] == "active"
    assert [row.status for row in desk.market.query("SELECT status FROM webhook_inbox")] == ["failed"]


def test_a_report_that_overtakes_the_answer_is_not_undone_by_it(desk, monkeypatch):
    desk.bank.doors.append("pending")
    destination = desk.add_destination()
    provider = desk.market.registry["marketcore payout providers"]["fakebank"]
    asked = provider.enroll

    def overtaken(wanted):
        desk.bank.doors.append("pending")
        answer = asked(wanted)
        deliver(desk.market.url, desk.bank.door_event(destination, "active"))
        desk.work()
        return answer

    monkeypatch.setattr(provider, "enroll", overtaken)
    (row,) = desk.market.query("SELECT id FROM payout_destinations WHERE id = :id", id=destination["id"])
    assert enroll(desk.market.registry, row.id).kind == "redirect"
    assert desk.seller.http.get(f"{PATH}/{destination['id']}").json()["state"] == "active"


def test_nobody_has_more_than_ten_even_at_one_instant(desk):
    answers = at_once([lambda: desk.try_destination()] * 12)
    assert sorted(answer.status_code for answer in answers) == [201] * 9 + [409] * 3
    assert len(desk.seller.http.get(PATH).json()["items"]) == 10


def test_ten_requests_with_one_key_make_one_destination(desk):
    key = {"Idempotency-Key": "one-destination"}
    answers = at_once([lambda: desk.try_destination(headers=key)] * 10)
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    again = desk.try_destination(headers=key)
    assert {again.json()["id"]} == made
    assert len(desk.seller.http.get(PATH).json()["items"]) == 2


def test_a_removed_destination_is_gone_and_one_that_is_paid_to_stays(desk):
    path = f"{PATH}/{desk.destination['id']}"
    payout = desk.request("10.00")
    refused = desk.seller.http.delete(path)
    assert (refused.status_code, refused.json()["payout"]) == (409, payout["id"])
    desk.cancel(payout)
    assert desk.seller.http.delete(path).status_code == 204
    assert desk.seller.http.get(path).status_code == 404
    assert desk.seller.http.post(f"{path}/link").status_code == 404
    assert desk.seller.http.get(PATH).json()["items"] == []
    assert desk.ask().status_code == 404
    deliver(desk.market.url, desk.bank.door_event(desk.destination, "active"))
    desk.work()
    assert desk.seller.http.get(path).status_code == 404


def test_removing_and_asking_to_be_paid_at_one_instant_leave_one_winner(desk):
    for _round in range(6):
        desk.destination = desk.add_destination()
        path = f"{PATH}/{desk.destination['id']}"
        asked, removed = at_once([lambda: desk.ask("10.00"), lambda path=path: desk.seller.http.delete(path)])
        assert (asked.status_code, removed.status_code) in ((201, 409), (404, 204))
        if asked.status_code == 201:
            desk.cancel(asked.json())
