"""A buyer follows an order over a plain path: what the seller does is there at once."""

from __future__ import annotations

from marketcore.testing.live import LiveClient, LiveServer
from marketcore.testing.shop import Shop, money_arrives


def test_B8_the_buyer_hears_every_step_of_the_seller_and_nobody_else_does(make_market):
    market = make_market(live__port="0")
    shop = Shop(market)
    with (
        LiveServer(market.registry) as live,
        LiveClient(f"{live.url}/track_order/{shop.order_id}", shop.buyer_user["access"]) as buyer,
    ):
        assert buyer.answer("subscribed")["channel"] == f"order:{shop.order_id}"
        assert money_arrives(market, shop.checkout["id"])
        shop.step(shop.seller, "confirmed")
        shop.step(shop.seller, "packed")
        shop.step(shop.seller, "shipped", carrier="G4S", tracking_number="42")
        heard = [buyer.next_event() for _step in range(4)]
        assert [event["data"]["status"] for event in heard] == ["paid", "confirmed", "packed", "shipped"]
    market.spent = True  # its live server has gone
