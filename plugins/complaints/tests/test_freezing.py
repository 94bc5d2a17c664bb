"""Money that is complained about stands still until somebody has decided, and then goes where it was decided."""

from __future__ import annotations

from marketcore.testing.contracts import at_once
from marketcore.testing.shop import register

from .conftest import FEE, PAID


def test_M12_a_complaint_can_freeze_the_held_money_until_it_is_rejected(counter):
    complaint = counter.complain(freeze=True)
    assert complaint.status_code == 201, complaint.text
    complaint = complaint.json()
    assert complaint["frozen"] == {"amount": "500.00", "currency": "KES"}
    assert (counter.standing("held"), counter.standing("frozen")) == (0, PAID)
    counter.release()
    assert (counter.order().state, counter.standing("seller_payable")) == ("disputed", 0)
    codes = counter.seller.get(f"/api/v1/orders/{counter.order_id}/ledger").json()["items"]
    assert codes[-1]["code"] == "freeze"
    assert counter.books() == []
    admin = counter.admin()
    ended = counter.decide(complaint, admin, "rejected").json()
    assert (ended["state"], ended["frozen"], ended["refund_id"]) == ("rejected", None, None)
    assert (counter.standing("held"), counter.standing("frozen")) == (PAID, 0)
    counter.release()
    assert (counter.order().state, counter.standing("seller_payable")) == ("completed", PAID - FEE)
    assert counter.decide(complaint, admin).status_code == 409


def test_M12_a_complaint_that_is_resolved_gives_all_or_part_of_the_frozen_money_back(counter):
    admin = counter.admin()
    complaint = counter.complain(freeze=True).json()
    for wrong in (
        {"refund": "part"},
        {"refund": "all", "outcome": "rejected"},
        {"amount": {"amount": "1.00", "currency": "KES"}},
        {"refund": "part", "amount": {"amount": "1.00", "currency": "USD"}},
    ):
        assert counter.decide(complaint, admin, **{"outcome": "resolved", **wrong}).status_code == 422, wrong
    too_much = {"refund": "part", "amount": {"amount": "500.01", "currency": "KES"}}
    assert counter.decide(complaint, admin, **too_much).status_code == 409
    assert counter.standing("frozen") == PAID, "what cannot be done is not half done"
    part = {"refund": "part", "amount": {"amount": "200.00", "currency": "KES"}}
    ended = counter.decide(complaint, admin, **part).json()
    refund = counter.buyer.get(f"/api/v1/refunds/{ended['refund_id']}").json()
    assert refund["amount"] == {"amount": "200.00", "currency": "KES"}
    assert (counter.order().state, counter.standing("held")) == ("delivered", PAID - 20_000)
    assert counter.books() == []
    second = counter.complain(freeze=True).json()
    assert second["frozen"]["amount"] == "300.00"
    counter.decide(second, admin, refund="all")
    assert (counter.order().state, counter.standing("held"), counter.standing("frozen")) == ("refunded", 0, 0)
    acts = [row.act for row in counter.market.query("SELECT act FROM audit_log WHERE subject = 'complaint'")]
    assert acts == ["complaint.decide", "complaint.decide"]


def test_M12_freezing_and_the_release_job_at_once_end_one_way_or_the_other(counter):
    answer, _released = at_once([lambda: counter.complain(freeze=True), counter.release])
    if answer.status_code == 201:
        assert (counter.order().state, counter.standing("frozen"), counter.standing("seller_payable")) == (
            "disputed",
            PAID,
            0,
        )
    else:
        assert answer.status_code == 409, answer.text
        assert counter.market.query("SELECT * FROM complaints_complaints") == [], "it is all or nothing"
        assert (counter.order().state, counter.standing("seller_payable")) == ("completed", PAID - FEE)


def test_M12_an_admin_freezes_released_money_too_so_that_it_is_not_paid_out(counter):
    counter.release()
    assert counter.complain(freeze=True).status_code == 409
    complaint, admin = counter.complain().json(), counter.admin()
    path = f"/api/v1/complaints/{complaint['id']}/freeze"
    assert counter.buyer.put(path).status_code == 403
    for _ in range(2):
        assert admin.put(path).json()["frozen"]["amount"] == "500.00"
    assert (counter.standing("frozen"), counter.standing("seller_payable")) == (PAID, 0)
    assert counter.books() == []
    for _ in range(2):
        assert admin.delete(path).json()["frozen"] is None
    assert counter.standing("seller_payable") == PAID - FEE
    admin.put(path)
    assert counter.buyer.post(f"/api/v1/complaints/{complaint['id']}/withdrawal").json()["state"] == "withdrawn"
    assert (counter.order().state, counter.standing("seller_payable")) == ("completed", PAID - FEE)


def test_M12_only_buyers_freeze_and_only_an_orders_money(counter):
    assert counter.complain(counter.seller, freeze=True).status_code == 422
    assert counter.complain(product_id=counter.listing["product"]["id"], freeze=True).status_code == 422
    about_product = counter.complain(product_id=counter.listing["product"]["id"]).json()
    admin = counter.admin()
    assert admin.put(f"/api/v1/complaints/{about_product['id']}/freeze").status_code == 409
    assert counter.decide(about_product, admin, refund="all").status_code == 422
    # Whoever administrates may still be a party: somebody else decides then.
    counter.market.query("UPDATE users SET roles = '{buyer,admin}' WHERE id = :id", id=counter.buyer_id)
    counter.log_in()
    assert counter.decide(about_product, counter.buyer).status_code == 403
    assert counter.standing("frozen") == 0


def test_M12_a_marketplace_may_leave_freezing_to_its_admins(make_market):
    from .conftest import Counter

    counter = Counter(make_market("complaints", complaints__buyers_may_freeze="false"))
    counter.deliver()
    assert counter.complain(freeze=True).status_code == 422
    assert counter.complain().status_code == 201
    stranger = counter.market.client(register(counter.market, "buyer")["access"])
    assert counter.complain(stranger).status_code == 404
