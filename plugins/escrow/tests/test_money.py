"""Where budgets go when a bank contests them, when nobody can be paid back by machine, and what the books must show."""

from __future__ import annotations

from uuid import UUID

import pytest

from marketcore.directives import table
from marketcore.disputes.services import DisputeService
from marketcore.interfaces import DisputeReport
from marketcore.ledger.accounts import seller_debt, wallet
from marketcore.ledger.verify import checks_of, verify
from marketcore.money import Money
from marketcore.notifications.rendering import Templates
from marketcore.settings import section
from marketcore.testing.live import LiveClient, LiveServer
from marketcore_escrow.checks import CHECKS

from .agency import LINK, Person, kes


@pytest.fixture(scope="module")
def settings():
    return {"live.port": "0", "marketcore.public_url": "http://127.0.0.1:8000"}


def by_bank(agency, budget="100.00"):
    """Return the id of an advertisement that was paid by bank transfer, and the payment's id."""
    id = agency.draft(budget)
    payment = agency.pay(id, "bank_transfer").json()
    paid = {"amount": kes(budget), "receipt": f"FT{payment['code']}"}
    assert agency.admin.post(f"payments/{payment['id']}/confirmation", paid).status_code == 200
    return id, payment["id"]


def contest(agency, payment_id, reference, state, minor=10_000):
    """Let the payer's bank say something of a payment."""
    report = DisputeReport(reference, state, Money(minor, "KES"), UUID(payment_id))
    agency.market.perform(lambda request: request.find_service(DisputeService).apply("bank_transfer", report))


def test_a_rest_that_no_machine_can_send_back_waits_for_a_hand(agency):
    id, _payment = by_bank(agency)
    agency.age(30, id)
    agency.settle()
    assert (agency.read(id)["state"], agency.refunds(id)) == ("finished", [("by_hand", "by_hand", 10_000)])


def test_a_budget_that_a_bank_contests_stands_still_and_goes_on_when_the_dispute_is_won(agency):
    id, payment = by_bank(agency)
    mine, other = agency.applied(id, agency.ann), agency.applied(id, agency.ben)
    assert agency.accept(id, **{f"a{mine}": "60.00"}).status_code == 200
    assert agency.act(agency.ann, mine, "proofs", link=LINK).status_code == 201
    contest(agency, payment, f"won {id}", "open")
    ad = agency.read(id)
    assert (ad["contested"], ad["free"], agency.held(id)) == (True, kes("0.00"), (6000, 6000))
    agency.age(30, id)
    agency.settle()
    assert agency.act(agency.owner, mine, "approval").status_code == 409
    assert agency.accept(id, **{f"a{other}": "1.00"}).status_code == 409
    assert agency.owner.post(f"advertisements/{id}/cancellation").status_code == 409
    assert (agency.state(mine), agency.read(id)["state"]) == ("submitted", "running")
    assert agency.owner.money(seller_debt) == 6000
    contest(agency, payment, f"won {id}", "won")
    assert (agency.owner.money(seller_debt), agency.held(id)) == (0, (10_000, 6000))
    agency.settle()
    assert (agency.state(mine), agency.state(other), agency.read(id)["state"]) == ("submitted", "declined", "ending")
    assert agency.act(agency.owner, mine, "approval").json()["state"] == "released"
    assert agency.read(id)["state"] == "finished"


def test_what_a_bank_took_for_good_is_a_debt_that_the_rest_of_the_budget_settles(agency):
    id, payment = by_bank(agency)
    mine = agency.applied(id, agency.ann)
    assert agency.accept(id, **{f"a{mine}": "60.00"}).status_code == 200
    contest(agency, payment, f"lost {id}", "open", 7000)
    contest(agency, payment, f"lost {id}", "lost", 7000)
    assert (agency.owner.money(seller_debt), agency.held(id)) == (3000, (6000, 6000))
    assert agency.act(agency.ann, mine, "withdrawal").json()["state"] == "returned"
    assert agency.owner.post(f"advertisements/{id}/cancellation").json()["state"] == "finished"
    ad = agency.read(id)
    assert (ad["returned"], agency.owner.money(seller_debt), agency.held(id)) == (kes("60.00"), 0, (0, 0))
    assert agency.refunds(id) == [("by_hand", "by_hand", 3000)]


def test_a_contest_after_the_end_is_the_owners_debt_and_won_it_is_paid_back_to_them(agency):
    id, mine = agency.submitted("100.00")
    assert agency.act(agency.owner, mine, "approval").json()["state"] == "released"
    assert agency.read(id)["state"] == "finished"
    ((payment,),) = agency.market.query("SELECT payment_id FROM escrow_advertisements WHERE id = :id", id=id)
    report = lambda state: DisputeReport(f"late {id}", state, Money(10_000, "KES"), payment)  # noqa: E731
    for state, debt in (("open", 10_000), ("won", 0)):
        told = report(state)
        agency.market.perform(lambda request, told=told: request.find_service(DisputeService).apply("wallet", told))
        assert agency.owner.money(seller_debt) == debt


def test_an_advertisement_takes_so_many_applications_and_an_application_so_many_proofs(agency, monkeypatch):
    id, mine = agency.accepted()
    settings = section(agency.market.registry, "escrow")
    monkeypatch.setitem(settings, "most_applications", 1)
    assert agency.applied(id, agency.ben)
    path = f"advertisements/{id}/applications"
    assert "to answer: wait" in Person(agency.market, "buyer").post(path, {}).json()["detail"]
    monkeypatch.setitem(settings, "most_proofs", 1)
    assert agency.act(agency.ann, mine, "proofs", link=LINK).status_code == 201
    assert agency.act(agency.owner, mine, "rejection", reason="no").status_code == 200
    assert "has had 1 proofs: dispute it" in agency.act(agency.ann, mine, "proofs", link=LINK).json()["detail"]


def test_what_an_applicant_owes_is_settled_first(agency):
    debtor = Person(agency.market, "buyer", "seller")
    _ad, mine = agency.submitted("100.00", person=debtor)
    agency.owe(debtor, 2000)
    assert agency.act(agency.owner, mine, "approval").json()["fee"] == kes("10.00")
    assert (debtor.money(seller_debt), debtor.money()) == (0, 7000)


def test_with_the_policy_return_an_unanswered_proof_is_not_paid(agency, monkeypatch):
    monkeypatch.setitem(section(agency.market.registry, "escrow"), "unanswered", "return")
    id, mine = agency.submitted("60.00")
    before = agency.ann.money(), agency.owner.money(wallet)
    agency.age(30, id)
    agency.settle()
    assert (agency.state(mine), agency.read(id)["state"]) == ("returned", "finished")
    assert (agency.ann.money() - before[0], agency.owner.money(wallet) - before[1]) == (0, 10_000)


def test_a_commission_agreed_with_whoever_earns_the_share_is_theirs(agency):
    friend = Person(agency.market, "buyer", "seller")
    rate = {"seller_id": friend.id, "basis_points": 0}
    assert agency.admin.http.put("/api/v1/commission-rates", json=rate).status_code == 200
    _ad, mine = agency.submitted("60.00", person=friend)
    assert agency.act(agency.owner, mine, "approval").json()["fee"] == kes("0.00")
    assert friend.money() == 6000


def test_one_advertisement_that_cannot_be_settled_keeps_no_other_waiting(agency, monkeypatch):
    ids = [agency.funded("10.00") for _ in range(2)]
    agency.age(30, *ids)
    monkeypatch.delitem(table(agency.market.registry, "payment purposes"), "advertisement")
    agency.settle()
    assert [agency.read(id)["state"] for id in ids] == ["open", "open"]
    monkeypatch.undo()
    agency.settle()
    assert [agency.read(id)["state"] for id in ids] == ["finished", "finished"]


def test_everybody_hears_of_every_step_at_once(agency):
    id = agency.draft()
    with LiveServer(agency.market.registry) as live, LiveClient(live.url, agency.ben.token) as anyone:
        joined = anyone.subscribe(f"advertisement:{id}")
        assert joined["snapshot"]["state"] == "unfunded"
        with LiveClient(live.url, agency.ann.token) as applicant:
            applicant.subscribe(f"user:{agency.ann.id}")
            mine = agency.applied(id, agency.ann)
            agency.fill(agency.owner, 10_000)
            agency.pay(id)
            agency.accept(id, **{f"a{mine}": "60.00"})
            agency.act(agency.ann, mine, "proofs", link=LINK)
            agency.act(agency.owner, mine, "approval")
            heard = []
            while len(heard) < 4:
                event = applicant.next_event(10)
                heard += [event["data"]["state"]] if event["type"] == "advertisement.application" else []
        assert heard == ["applied", "accepted", "submitted", "released"]
        news = [anyone.next_event(10)["data"] for _ in range(5)]
    assert [(one["state"], one["free"]["amount"], one["released"]["amount"]) for one in news] == [
        ("unfunded", "0.00", "0.00"), ("open", "100.00", "0.00"), ("running", "40.00", "0.00"),
        ("running", "40.00", "0.00"), ("running", "40.00", "60.00"),
    ]  # fmt: skip


def test_every_letter_can_be_written(agency):
    types = table(agency.market.registry, "notification types")
    names = [name for name in types if name.startswith("advertisement.")]
    assert len(names) == 12
    item = {"advertisement_id": 7, "application_id": 8, "title": "Brand", "share": "60.00 KES", "note": "<b>late</b>"}
    item |= {"released": "20.00 KES", "budget": "100.00 KES", "returned": "40.00 KES"}
    templates = Templates({name: types[name].templates for name in names}, {"url": "https://shop.example", "name": "S"})
    for name in names:
        letter = templates.letter(name, [item, item], {"name": "Ann"})
        assert "<b>" not in letter.html
        assert "https://shop.example/advertisements/7" in letter.text
        assert "Brand" in templates.line(name, item)


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("advertisements hold their budgets", "UPDATE escrow_advertisements SET returned_minor = 1 WHERE id = :id"),
        ("shares hold their money", "UPDATE escrow_applications SET share_minor = 1 WHERE advertisement_id = :id"),
        ("held budgets have their advertisement", "UPDATE escrow_advertisements SET currency = 'USD' WHERE id = :id"),
    ],
)
def test_books_that_do_not_fit_the_advertisements_are_named(agency, check, damage):
    id, _mine = agency.accepted()
    assert check in CHECKS
    checks = [one for one in checks_of(agency.market.registry) if one.name == check]
    with agency.market.registry["engine"].connect() as connection:
        assert verify(connection, checks) == []
        connection.exec_driver_sql(damage.replace(":id", str(id)))
        assert check in {found.check for found in verify(connection, checks)}
        connection.rollback()
