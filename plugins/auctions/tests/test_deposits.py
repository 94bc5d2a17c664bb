"""Deposits: whoever leads has one held, nobody else, and it goes where the lot's story takes it."""

from __future__ import annotations

from marketcore.testing.contracts import at_once

from .lots import kes


def held(house, lot):
    """Return how many deposits are held for the lot, by the ledger."""
    rows = house.market.query(
        """SELECT t.id FROM ledger_transfers t
           WHERE t.code = 'auction_deposit' AND t.ref_id = :id AND t.kind = 'pending'
           AND NOT EXISTS (SELECT FROM ledger_transfers e WHERE e.pending_id = t.id)""",
        id=str(lot["id"]),
    )
    return len(rows)


def earned(house, seller):
    """Return what the seller may claim, in minor units."""
    balances = seller.http.get("/api/v1/users/me/balances").json()["items"]
    return [item["available"]["amount"] for item in balances if item["purpose"] == "seller_payable"]


def test_leading_holds_a_deposit_and_being_outbid_gives_it_back_once(house):
    lot, ann, ben = house.publish(deposit=kes(50)), house.person().fill(80), house.person().fill(50)
    ann.bid(lot, 200)
    assert (ann.purse(), ben.purse()) == ((3_000, 5_000), (5_000, 0))
    ann.bid(lot, 250)
    assert ann.purse() == (3_000, 5_000), "a raise holds nothing more"
    assert not ben.bid(lot, 220).json()["leading"]
    assert ben.purse() == (5_000, 0), "who does not lead has nothing held"
    ben.bid(lot, 300)
    assert (ann.purse(), ben.purse(), held(house, lot)) == ((8_000, 0), (0, 5_000), 1)
    ann.bid(lot, 400)
    assert (ann.purse(), ben.purse(), held(house, lot)) == ((3_000, 5_000), (5_000, 0), 1)


def test_without_funds_one_neither_leads_nor_challenges(house):
    lot, ann, poor = house.publish(deposit=kes(50)), house.person().fill(50), house.person().fill(49)
    refused = poor.bid(lot, 200)
    assert (refused.status_code, refused.json()["type"][-18:]) == (409, "insufficient-funds")
    assert "50.00" in refused.json()["detail"]
    ann.bid(lot, 200)
    assert poor.bid(lot, 150).status_code == 409
    assert poor.bid(lot, 900).status_code == 409
    assert (house.look(lot)["bids"], ann.purse(), poor.purse()) == (1, (0, 5_000), (4_900, 0))


def test_payment_gives_the_deposit_back(house):
    lot, ann = house.publish(deposit=kes(50)), house.person().fill(50)
    ann.bid(lot, 200)
    house.end(lot)
    assert ann.purse() == (0, 5_000), "held until the lot is paid"
    assert ann.pay(lot)
    assert (ann.purse(), held(house, lot)) == ((5_000, 0), 0)


def test_who_does_not_pay_forfeits_the_deposit_to_the_seller(house):
    seller = house.person("seller")
    lot, ann = house.publish(seller, deposit=kes(50)), house.person().fill(50)
    ann.bid(lot, 200)
    house.end(lot)
    house.default(lot)
    assert (ann.purse(), earned(house, seller), held(house, lot)) == ((0, 0), ["50.00"], 0)
    house.go_on(lot)
    assert earned(house, seller) == ["50.00"]


def test_a_lot_that_is_not_sold_or_is_called_off_keeps_nobodys_deposit(house):
    unsold, ann = house.publish(deposit=kes(50), reserve=kes(900)), house.person().fill(50)
    ann.bid(unsold, 200)
    assert ann.purse() == (0, 5_000)
    assert house.end(unsold)["outcome"] == "unsold"
    assert ann.purse() == (5_000, 0)
    called_off = house.publish(deposit=kes(50))
    ann.bid(called_off, 200)
    house.admin.act(called_off, "cancellation")
    assert ann.purse() == (5_000, 0)
    bought = house.publish(deposit=kes(50), reserve=kes(500), buy_now=kes(900))
    ann.bid(bought, 200)
    assert house.person().act(bought, "purchase").status_code == 201
    assert (ann.purse(), held(house, bought)) == ((5_000, 0), 0)


def test_a_sale_that_the_seller_calls_off_costs_no_deposit(house):
    lot, ann = house.publish(deposit=kes(50)), house.person().fill(50)
    ann.bid(lot, 200)
    house.end(lot)
    assert house.seller.cancel_order(lot).status_code == 200
    house.go_on(lot)
    assert (ann.purse(), ann.won(lot).award, ann.violations) == ((5_000, 0), "withdrawn", [])


def test_a_retraction_passes_the_deposit_on_to_whoever_leads_then(house):
    lot = house.publish(deposit=kes(50), duration_minutes=24 * 60)
    ann, ben, eve = (house.person().fill(50) for _ in range(3))
    for person, amount in ((ann, 200), (ben, 300), (eve, 400)):
        assert person.bid(lot, amount).status_code == 201
    other = house.publish(deposit=kes(20))
    ben.bid(other, 200)
    assert eve.act(lot, "retraction").status_code == 200
    assert (eve.purse(), ben.purse(), ann.purse()) == ((5_000, 0), (3_000, 2_000), (5_000, 0))
    assert house.look(lot, ben)["mine"]["leading"], "a bid stands though its deposit is spent elsewhere"
    assert ben.act(lot, "retraction").status_code == 200
    assert (ann.purse(), held(house, lot)) == ((0, 5_000), 1)
    assert ann.act(lot, "retraction").status_code == 200
    assert (ann.purse(), held(house, lot)) == ((5_000, 0), 0)


def test_one_wallet_that_bids_on_ten_lots_at_once_is_never_over_committed(house):
    lots = [house.publish(deposit=kes(50)) for _ in range(10)]
    ann, ben = house.person().fill(170).log_in(), house.person().fill(500).log_in()
    answers = at_once([lambda lot=lot: ann.bid(lot, 200) for lot in lots])
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 7
    assert ann.purse() == (2_000, 15_000)
    assert sum(house.look(lot)["bids"] for lot in lots) == 3
    answers = at_once([lambda lot=lot: ben.bid(lot, 900) for lot in lots])
    assert {answer.status_code for answer in answers} == {201}
    assert (ann.purse(), ben.purse()) == ((17_000, 0), (0, 50_000))


def test_two_who_outbid_each_other_at_once_leave_one_deposit(house):
    lot, people = house.publish(deposit=kes(50)), [house.person().fill(50) for _ in range(4)]
    for amount in (200, 300, 400):
        at_once([lambda p=p, n=n, a=amount: p.bid(lot, a + 10 * n) for n, p in enumerate(people)])
        assert held(house, lot) == 1
        leader = [person for person in people if house.look(lot, person)["mine"]["leading"]]
        assert [person for person in people if person.purse() == (0, 5_000)] == leader
        assert sum(person.purse()[0] for person in people) == 15_000
