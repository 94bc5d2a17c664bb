"""Bidding sessions in a live stream, conducted by the seller; the winner's cart; and what becomes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from marketcore.testing.shop import money_arrives

from .stage import kes, ok, refused


def test_S3_a_seller_opens_pauses_resumes_and_closes_a_session_and_the_highest_bidder_wins(stage, live):
    seller, stream = stage.on_air(products=2)
    ann, ben = stage.buyers(2)
    with ann.socket(f"stream:{stream['id']}") as crowd, ben.socket(f"user:{ben.id}") as own:
        session = stage.open(seller, stream, product_id=stream["products"][0], duration_seconds=600)
        assert (session["auction"]["state"], session["auction"]["conducted"]) == ("open", True)
        assert crowd.event("stream.session_opened")["session_id"] == session["id"]
        assert ok(ann.bid(session, 300), 201)["leading"] is True
        paused = ok(stage.step(seller, session, "pause"))["auction"]
        assert (paused["state"], paused["ends_at"]) == ("paused", None)
        assert 500_000 < paused["remaining_ms"] <= 600_000
        assert crowd.event("stream.session_paused")["remaining_ms"] == paused["remaining_ms"]
        refused(ben.bid(session, 400), 409, "auction-paused")
        refused(stage.step(seller, session, "pause"), 409, "auction-paused")
        stage.travel(minutes=20)
        stage.close_due()
        resumed = ok(stage.step(seller, session, "resume"))["auction"]
        left = datetime.fromisoformat(resumed["ends_at"]) - datetime.fromisoformat(resumed["server_now"])
        assert abs(left - timedelta(milliseconds=paused["remaining_ms"])) < timedelta(seconds=2)
        refused(stage.step(seller, session, "resume"), 409, "auction-running")
        assert ok(ben.bid(session, 400), 201)["price"] == kes(305)
        closed = ok(stage.step(seller, session, "close"))
        assert (closed["outcome"], closed["auction"]["price"]) == ("sold", kes(305))
        assert crowd.event("stream.session_closed")["price"] == kes(305)
        won = own.event("livestream.won")
        assert (won["session_id"], won["price"]) == (session["id"], kes(305))
    assert ok(stage.step(seller, session, "close"))["outcome"] == "sold"
    (item,) = ben.cart
    assert (item["listing_id"], item["unit_price"], item["buyable"]) == (session["id"], kes(305), True)
    assert item["reserved_until"] == won["due_at"]
    assert ann.cart == []
    kinds = [row.kind for row in stage.market.query("SELECT kind FROM auctions_log WHERE auction_id = :id ORDER BY seq", id=session["id"])]
    assert kinds == ["opened", "bid", "paused", "resumed", "bid", "hammered", "awarded"]
    assert [n["type"] for n in ben.get("/notifications")["items"]] == ["livestream.won"]
