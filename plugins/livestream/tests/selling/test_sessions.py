"""Bidding sessions in a live stream, conducted by the seller; the winner's cart; and what becomes of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketcore.testing.shop import money_arrives
from marketcore_auctions.chain import read_entry
from marketcore_auctions.replay import replay

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
    log = stage.anybody.get(f"/auctions/{session['id']}/log")["items"]
    entries = [(item["text"], item["hash"]) for item in log]
    assert [read_entry(text).kind for text, _hash in entries] == [
        "opened", "bid", "paused", "resumed", "bid", "hammered", "awarded",
    ]  # fmt: skip
    proof = replay(entries, session["id"])
    assert (proof.differences, proof.price_minor) == ([], 30500)
    assert proof.winner == ben.get(f"/auctions/{session['id']}")["mine"]["bidder"]
    assert replay([*entries[:2], *entries[3:]], session["id"]).differences
    assert [n["type"] for n in ben.get("/users/me/notifications")["items"]] == ["livestream.won"]


def won(stage, price=200, buyer=None, **terms):
    """Return the seller, the stream, the winner, and a session that they have won for ``price``."""
    seller, stream = stage.on_air()
    winner = buyer or stage.buyers(1)[0]
    session = stage.open(seller, stream, price=price, **terms)
    ok(winner.bid(session, price), 201)
    ok(stage.step(seller, session, "close"))
    return seller, stream, winner, session


def test_S4_a_cart_with_lots_won_and_ordinary_goods_costs_exactly_the_hammer_prices_with_one_order_per_seller(stage):
    seller, stream, winner, first = won(stage, 200)
    other = stage.seller(credits=0)
    shop = stage.list(other, stage.product(other), 70, 3)
    ok(winner.post("/cart/items", listing_id=shop["id"], quantity=2))
    product_id = stage.product(seller)
    ok(seller.post(f"/livestreams/{stream['id']}/items", product_id=product_id), 201)
    second = ok(seller.post(f"/livestreams/{stream['id']}/sessions/next", price=kes(333.33)), 201)
    assert second["auction"]["product_id"] == product_id
    ok(winner.bid(second, 400), 201)
    ok(stage.step(seller, second, "close"))
    refused(winner.http.put(f"/api/v1/cart/items/{first['id']}", json={"quantity": 2}), 409, "conflict")
    assert sorted(item["unit_price"]["amount"] for item in winner.cart) == ["200.00", "333.33", "70.00"]
    placed = ok(winner.check_out(), 201)
    assert placed["total"] == kes(200 + 333.33 + 140)
    assert sorted(order["total"]["amount"] for order in placed["orders"]) == ["140.00", "533.33"]
    assert (winner.cart, stage.stock(first), stage.stock(second)) == ([], (0, "paused"), (0, "paused"))
    assert money_arrives(stage.market, placed["id"]) is True
    stage.travel(days=2)
    stage.go_on()
    assert (stage.stock(first), stage.stock(second)) == ((0, "closed"), (0, "closed"))
    assert (winner.violations, stage.look(first)["outcome"]) == ([], "sold")
    refused(winner.check_out(), 409, "conflict")


def test_S4_to_take_it_out_of_the_cart_is_a_violation_and_the_seller_sells_again(stage):
    seller, stream, winner, session = won(stage)
    path = f"/api/v1/cart/items/{session['id']}"
    assert (ok(winner.http.delete(path))["items"], winner.violations) == ([], [("backed_out", session["id"])])
    refused(winner.http.delete(path), 404, "not-found")
    stage.go_on()
    assert (stage.look(session)["outcome"], stage.stock(session)[1]) == ("unsold", "closed")
    again = stage.open(seller, stream, product_id=stream["products"][0])
    assert stage.look(again)["auction"]["state"] == "open"


def test_S4_the_deadline_ends_the_reservation_by_the_clock_of_the_database(stage):
    _seller, _stream, winner, session = won(stage)
    stage.travel(minutes=1441)
    assert [item["buyable"] for item in winner.cart] == [False]
    refused(winner.check_out(), 409, "reservation-ended")
    stage.go_on()
    assert (winner.cart, winner.violations) == ([], [("unpaid", session["id"])])
    assert stage.look(session)["outcome"] == "unsold"
    assert "what you had won" in " ".join(item["line"] for item in winner.get("/users/me/notifications")["items"])


def test_S4_an_order_that_is_not_paid_counts_once_and_the_lot_is_free_again(stage):
    _seller, _stream, winner, session = won(stage)
    placed = ok(winner.check_out(), 201)
    stage.travel(minutes=1441)
    stage.go_on()
    assert (winner.violations, stage.look(session)["outcome"]) == ([("unpaid", "order")], "unsold")
    assert money_arrives(stage.market, placed["id"]) is False
    _seller, _stream, _winner, other = won(stage, buyer=winner)
    order = ok(winner.check_out(), 201)["orders"][0]
    ok(winner.post(f"/orders/{order['id']}/steps", to="cancelled"))
    stage.go_on()
    assert (winner.violations[0], stage.look(other)["outcome"]) == (("backed_out", "order"), "unsold")


def test_S3_next_walks_through_the_run_list_and_sells_what_is_open_first(stage):
    seller, stream = stage.on_air(products=3)
    (buyer,) = stage.buyers(1)
    listed = stage.list(seller, stream["products"][1], 70)
    path = f"/livestreams/{stream['id']}/sessions/next"
    first = ok(seller.post(path, price=kes(100)), 201)
    ok(buyer.bid(first, 150), 201)
    second = ok(seller.post(path, price=kes(100)), 201)
    assert [s["auction"]["product_id"] for s in (first, second)] == [stream["products"][0], stream["products"][2]]
    refused(seller.post(path, price=kes(100)), 409, "conflict")
    assert stage.look(second)["outcome"] is None
    page = stage.anybody.get(f"/livestreams/{stream['id']}/sessions?limit=1")
    assert [s["id"] for s in page["items"]] == [second["id"]]
    rest = stage.anybody.get(f"/livestreams/{stream['id']}/sessions?cursor={page['next']}")
    assert [(s["id"], s["outcome"]) for s in rest["items"]] == [(first["id"], "sold")]
    ok(stage.step(seller, second, "close"))
    assert stage.look(second)["outcome"] == "unsold"
    assert listed["id"] not in (first["id"], second["id"])


def test_S3_only_the_seller_of_a_live_stream_holds_its_clock_and_one_session_is_open_at_a_time(stage):
    seller, stream = stage.on_air(products=2)
    stranger = stage.seller(credits=0)
    path = f"/livestreams/{stream['id']}/sessions"
    session = stage.open(seller, stream, product_id=stream["products"][0])
    assert refused(seller.post(path, price=kes(1)), 409, "session-open")["session_id"] == session["id"]
    refused(stranger.post(path, price=kes(1)), 404, "not-found")
    for step in ("pause", "resume", "close"):
        refused(stage.step(stranger, session, step), 404, "not-found")
    refused(stage.anybody.post(path, price=kes(1)), 403, "forbidden")
    refused(seller.bid(session, 500), 409, "own-auction")
    refused(seller.post(f"/auctions/{session['id']}/retraction"), 409, "conflict")
    ok(stage.step(seller, session, "close"))
    refused(stage.step(seller, session, "pause"), 409, "auction-closed")
    refused(seller.post(path, price=kes(1), product_id=stage.product(seller)), 404, "not-found")
    answer = seller.post(path, price=kes(1), increments=[{"step": {"amount": "1.00", "currency": "USD"}}])
    assert list(refused(answer, 422, "invalid")["errors"]) == ["increments.0.step.currency"]
    planned = stage.plan(stranger, products=1)
    refused(stranger.post(f"/livestreams/{planned['id']}/sessions", price=kes(1)), 409, "stream-not-live")


def test_S3_a_session_never_runs_beyond_its_stream(stage):
    seller, stream, other_seller, other = *stage.on_air(), *stage.on_air()
    ann, ben = stage.buyers(2)
    session = stage.open(seller, stream, duration_seconds=3600)
    ok(ann.bid(session, 150), 201)
    ok(stage.step(seller, session, "pause"))
    ok(seller.post(f"/livestreams/{stream['id']}/end"))
    assert stage.look(session)["outcome"] == "sold"
    assert [item["listing_id"] for item in ann.cart] == [session["id"]]
    refused(ben.bid(session, 500), 409, "auction-closed")
    called_off = stage.open(other_seller, other)
    ok(ben.bid(called_off, 150), 201)
    admin = type(seller)(stage, "admin")
    ok(admin.post(f"/livestreams/{other['id']}/end"))
    assert (stage.look(called_off)["outcome"], ben.cart) == ("cancelled", [])


def test_S3_a_clock_that_runs_out_is_a_hammer_and_a_late_bid_sets_it_again(stage, live):
    seller, stream = stage.on_air()
    ann, ben = stage.buyers(2)
    session = stage.open(seller, stream, duration_seconds=300, extend_seconds=60)
    with ann.socket(f"auction:{session['id']}") as socket:
        stage.travel(seconds=290)
        data = {"auction_id": session["id"], "maximum": kes(150)}
        standing = socket.command("auctions.place_bid", data)
        left = datetime.fromisoformat(standing["ends_at"]) - datetime.fromisoformat(standing["server_now"])
        assert (standing["leading"], left) == (True, timedelta(seconds=60))
        stage.travel(seconds=61)
        refused(ben.bid(session, 500), 409, "auction-closed")
        refused(stage.step(seller, session, "pause"), 409, "auction-closed")
        assert stage.look(session)["auction"]["state"] == "closing"
        stage.close_due()
    assert (stage.look(session)["outcome"], [item["unit_price"] for item in ann.cart]) == ("sold", [kes(100)])
