"""Whatever comes at the same moment: one credit for two starts, two meters, the hammer and the last bid."""

from __future__ import annotations

from functools import partial

from sqlalchemy import text

from marketcore.orders.awards import CartAwards
from marketcore.testing.contracts import at_once
from marketcore_livestream.credits import CreditService, NoCredits

from .stage import ok

ROUNDS = 8


def document(answer):
    """Return the document of an answer, or the code of the problem."""
    body = answer.json()
    return body["type"].rpartition(":")[2] if answer.status_code >= 400 else body


def test_S5_two_starts_with_one_credit_begin_one_stream(stage):
    for _round in range(ROUNDS):
        seller = stage.seller(credits=1)
        streams = [stage.plan(seller) for _ in range(2)]
        answers = at_once([partial(stage.start, seller, stream) for stream in streams])
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert (seller.credits, sorted(stage.slots(streams[0]) + stage.slots(streams[1]))) == (0, [0])


def test_S5_one_credit_is_taken_once_by_many_at_the_same_time_and_never_below_zero(stage):
    seller, stream = stage.on_air(credits=6)

    def take(slot):
        try:
            return stage.market.perform(
                lambda request: request.find_service(CreditService).take_slot(seller.id, stream["id"], slot)
            )
        except NoCredits:
            return "none left"

    # Each of eight slots is taken by two at once, and there are credits for five.
    taken = at_once([lambda slot=slot: take(slot) for slot in (1, 2, 3, 4, 5, 6, 7, 8) * 2])
    assert (taken.count(True), seller.credits) == (5, 0)
    assert len(stage.slots(stream)) == 6


def test_S5_two_workers_charge_each_slot_once(stage):
    sellers = [stage.on_air(credits=4) for _ in range(3)]
    stage.travel(minutes=65)
    at_once([stage.meter] * 3)
    for seller, stream in sellers:
        assert (stage.slots(stream), seller.credits) == ([0, 1, 2], 1)


def test_S5_a_worker_and_the_sellers_end_charge_a_slot_once(stage):
    for _round in range(3):
        seller, stream = stage.on_air(credits=2)
        stage.travel(minutes=31)
        at_once([stage.meter, partial(seller.post, f"/livestreams/{stream['id']}/end")])
        stage.meter()
        assert (stage.slots(stream), seller.credits, stage.stream_state(stream)) == ([0, 1], 0, ("ended", "seller"))


def test_S3_the_hammer_and_the_last_bid_agree_on_the_winner(stage):
    seller, stream = stage.on_air(products=ROUNDS)
    ann, ben = stage.buyers(2)
    for product_id in stream["products"]:
        session = stage.open(seller, stream, product_id=product_id)
        ok(ann.bid(session, 150), 201)
        bid, hammer = at_once([partial(ben.bid, session, 500), partial(stage.step, seller, session, "close")])
        accepted = bid.status_code == 201
        assert accepted or document(bid) == "auction-closed"
        assert ok(hammer)["outcome"] == "sold"
        winner, loser = (ben, ann) if accepted else (ann, ben)
        assert session["id"] in [item["listing_id"] for item in winner.cart]
        assert session["id"] not in [item["listing_id"] for item in loser.cart]


def test_S3_a_pause_and_a_bid_agree_on_which_came_first(stage):
    seller, stream = stage.on_air()
    ann, ben = stage.buyers(2)
    session = stage.open(seller, stream, duration_seconds=3600)
    for number in range(ROUNDS):
        bidder = (ann, ben)[number % 2]
        bid, pause = at_once(
            [partial(bidder.bid, session, 1000 * (number + 1)), partial(stage.step, seller, session, "pause")]
        )
        assert pause.status_code == 200
        seen = stage.look(session)["auction"]
        assert bid.status_code == 201 or document(bid) == "auction-paused"
        log = stage.market.query("SELECT kind FROM auctions_log WHERE auction_id = :id ORDER BY seq", id=session["id"])
        assert (log[-1].kind, seen["state"]) == ("paused", "paused")
        ok(stage.step(seller, session, "resume"))


def test_S4_two_hammers_and_the_clock_close_a_session_once(stage):
    seller, stream = stage.on_air(products=3)
    (ann,) = stage.buyers(1)
    for product_id in stream["products"]:
        session = stage.open(seller, stream, product_id=product_id, duration_seconds=300, extend_seconds=0)
        ok(ann.bid(session, 150), 201)
        stage.travel(seconds=301)
        at_once([stage.close_due, *[partial(stage.step, seller, session, "close")] * 2])
        assert stage.look(session)["outcome"] == "sold"
    awards = "SELECT count(*) FROM cart_awards WHERE user_id = :id GROUP BY listing_id"
    assert [row.count for row in stage.market.query(awards, id=ann.id)] == [1, 1, 1]


def test_S4_a_checkout_and_the_deadline_never_both_have_the_lot(stage):
    seller, stream = stage.on_air(products=ROUNDS)
    buyers = stage.buyers(ROUNDS)
    sessions = []
    for product_id, buyer in zip(stream["products"], buyers, strict=True):
        session = stage.open(seller, stream, product_id=product_id)
        ok(buyer.bid(session, 150), 201)
        ok(stage.step(seller, session, "close"))
        sessions.append(session)
    # As of now every reservation is over: one side finds the clock past it, or the other finds the order.
    for place, (session, buyer) in enumerate(zip(sessions, buyers, strict=True)):
        over = "UPDATE cart_awards SET due_at = market_clock() + make_interval(secs => :s) WHERE listing_id = :id"
        stage.market.query(over, id=session["id"], s=0.004 * place)
        answer, *_lapsed = at_once([buyer.check_out, *[partial(stage.market.perform, lapse)] * 2])
        stage.market.query(over, id=session["id"], s=-1)
        stage.market.perform(lapse)
        ((state,),) = stage.market.query("SELECT state FROM cart_awards WHERE listing_id = :id", id=session["id"])
        assert state == ("ordered" if answer.status_code == 201 else "lapsed"), answer.text
        assert (stage.stock(session)[0], len(buyer.violations)) == ((0, 0) if state == "ordered" else (1, 1))


def lapse(request):
    """Let reservations lapse, as the job does."""
    request.find_service(CartAwards).lapse_overdue()


def test_S4_two_checkouts_and_a_removal_end_a_reservation_once(stage):
    seller, stream = stage.on_air(products=ROUNDS)
    for product_id in stream["products"]:
        (buyer,) = stage.buyers(1)
        session = stage.open(seller, stream, product_id=product_id)
        ok(buyer.bid(session, 150), 201)
        ok(stage.step(seller, session, "close"))
        path = f"/api/v1/cart/items/{session['id']}"
        answers = at_once([buyer.check_out, buyer.check_out, partial(buyer.http.delete, path)])
        first, second, removed = (answer.status_code for answer in answers)
        assert [first, second].count(201) == (removed != 200)
        assert stage.stock(session)[0] == (0 if removed != 200 else 1)
        assert len(buyer.violations) == (removed == 200)


def test_S5_somebody_who_speaks_keeps_no_slot_from_being_charged(stage):
    seller, stream = stage.on_air(credits=2)
    stage.travel(minutes=31)
    speaking = "SELECT 1 FROM livestream_streams WHERE id = :id FOR KEY SHARE"
    with stage.market.registry["engine"].begin() as connection:
        connection.execute(text(speaking), {"id": stream["id"]})
        stage.meter()
        assert (stage.slots(stream), seller.credits) == ([0, 1], 0)
