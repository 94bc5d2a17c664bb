"""Who sees which disputes: sellers their own part of those that touch them, admins everything."""

from __future__ import annotations


def walk(client, **query):
    """Return every dispute of every page."""
    found, cursor = [], None
    while True:
        given = {**query, "limit": 2, **({"cursor": cursor} if cursor else {})}
        answer = client.get("/api/v1/disputes", params=given)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if not (cursor := answer.json()["next"]):
            return found


def test_a_seller_sees_the_own_part_alone_and_an_admin_the_whole(office):
    other, stranger = office.another_shop("250.00"), office.another_shop("1.00")
    mine, theirs = office.baskets(other)
    payment = office.paid()
    office.contest("dp-1", "open", 30_000, id=payment["id"], reason="product_not_received")
    whole = office.admin.get("/api/v1/disputes").json()["items"][0]
    assert (whole["reference"], whole["provider"], whole["payment_id"]) == ("dp-1", "fakepay", payment["id"])
    assert whole["amount"]["amount"] == "300.00"
    assert [part["order_id"] for part in whole["parts"]] == [mine, theirs]
    for shop, order_id, amount in ((office, mine, "200.00"), (other, theirs, "100.00")):
        (own,) = shop.seller.get("/api/v1/disputes").json()["items"]
        assert own["parts"] == [{"order_id": order_id, "amount": {"amount": amount, "currency": "KES"}}]
        assert own["amount"]["amount"] == amount
        assert (own["reference"], own["provider"], own["payment_id"]) == (None, None, None)
        assert (own["id"], own["state"], own["reason"]) == (whole["id"], "open", "product_not_received")
        assert shop.seller.get(f"/api/v1/disputes/{own['id']}").json() == own
    assert stranger.seller.get("/api/v1/disputes").json()["items"] == []
    assert stranger.seller.get(f"/api/v1/disputes/{whole['id']}").status_code == 404
    assert office.admin.get(f"/api/v1/disputes/{whole['id']}").json() == whole
    assert office.buyer.get("/api/v1/disputes").status_code == 403
    assert office.market.client().get("/api/v1/disputes").status_code == 401


def test_pages_hold_every_dispute_once_newest_first_and_a_cursor_serves_its_reader_alone(office):
    payment = office.paid()
    for number in range(5):
        office.contest(f"dp-{number}", "won" if number % 2 else "open", 1_000, id=payment["id"])
    assert [item["reference"] for item in walk(office.admin)] == ["dp-4", "dp-3", "dp-2", "dp-1", "dp-0"]
    assert [item["reference"] for item in walk(office.admin, state="won")] == ["dp-3", "dp-1"]
    assert len(walk(office.seller)) == 5
    cursor = office.admin.get("/api/v1/disputes", params={"limit": 1}).json()["next"]
    assert office.seller.get("/api/v1/disputes", params={"cursor": cursor}).status_code == 422
