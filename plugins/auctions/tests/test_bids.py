"""Bids over HTTP and over sockets: one script, sent both ways, is answered and written the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketcore.testing.live import LiveClient, Refused

from .lots import kes, stamp

pytestmark = pytest.mark.usefixtures("live")


def over_http(person, lot, maximum):
    """Return (status, the bid's document or the problem) of a bid over HTTP."""
    http = person.http if person else lot["house"].market.client()
    answer = http.post(f"/api/v1/auctions/{lot['id']}/bids", json={"maximum": maximum})
    return answer.status_code, answer.json()


def over_a_socket(person, lot, maximum):
    """Return the same of a bid over a socket."""
    house = lot["house"]
    with LiveClient(house.live.url, token=person and person.token) as socket:
        try:
            return 201, socket.command("auctions.place_bid", {"auction_id": lot["id"], "maximum": maximum})
        except Refused as refused:
            return refused.problem["status"], refused.problem


WAYS = {"http": over_http, "socket": over_a_socket}
OF_THE_MOMENT = {"auction_id", "ends_at", "server_now", "request_id", "instance", "starts_at", "seq"}


def comparable(answer):
    """Return an answer without what names this auction and this moment."""
    status, document = answer
    said = {name: value for name, value in document.items() if name not in OF_THE_MOMENT}
    if "detail" in said:
        said["detail"] = "".join("#" if letter.isdigit() else letter for letter in said["detail"])
    return status, said


def written(house):
    """Return everything that a bid could have written."""
    tables = ("auctions_log", "auctions_standings", "auctions_interests", "ledger_transfers", "live_events")
    return {name: house.market.query(f"SELECT * FROM {name} ORDER BY 1, 2") for name in tables}


def lots_of(house):
    """Return an auction in every state that matters, by what they are like."""
    lots = {
        "open": house.publish(reserve=kes(200)),
        "late": house.publish(),
        "early": house.publish(starts_at=stamp(house.now() + timedelta(minutes=30))),
        "deposit": house.publish(deposit=kes(50)),
        "nowhere": {"id": 10**17},
    }
    # Its time is up, though nobody has closed it yet.
    house.market.query(
        """UPDATE auctions_standings s SET ends_at = a.starts_at + interval '1 ms'
           FROM auctions_auctions a WHERE a.listing_id = s.listing_id AND s.listing_id = :id""",
        id=lots["late"]["id"],
    )
    return {name: {**lot, "house": house} for name, lot in lots.items()}


def script(house, way):
    """Bid in every way that can be thought of and return the answers."""
    send, lots = WAYS[way], lots_of(house)
    ann, ben, merchant = house.person(), house.person(), house.person("seller")
    shut = house.block(house.person())
    accepted = [
        ("the first", ann, "open", kes(150)),
        ("a challenge", ben, "open", kes(120)),
        ("the same again", ann, "open", kes(150)),
        ("a raise", ann, "open", kes(180)),
        ("a seller's, elsewhere", merchant, "open", kes(210)),
    ]
    refused = [
        ("too low", ben, "open", kes(200)),
        ("equal to the price", ben, "open", kes(200)),
        ("below one's own", merchant, "open", kes(205)),
        ("late", ann, "late", kes(500)),
        ("early", ann, "early", kes(500)),
        ("one's own lot", house.seller, "open", kes(900)),
        ("by somebody blocked", shut, "open", kes(900)),
        ("by nobody", None, "open", kes(900)),
        ("nowhere", ann, "nowhere", kes(900)),
        ("without funds", ann, "deposit", kes(900)),
        ("another currency", ann, "open", {"amount": "900.00", "currency": "USD"}),
        ("no currency", ann, "open", {"amount": "900.00", "currency": "XXX"}),
        ("too many digits", ann, "open", kes("900.001")),
        ("NaN", ann, "open", kes("NaN")),
        ("Infinity", ann, "open", kes("Infinity")),
        ("2^63", ann, "open", kes(str(2**63))),
        ("2^63 in minor units", ann, "open", kes("92233720368547758.08")),
        ("an exponent", ann, "open", kes("9e9")),
        ("negative", ann, "open", kes("-900.00")),
        ("nothing", ann, "open", kes("0.00")),
        ("a number", ann, "open", {"amount": 900, "currency": "KES"}),
        ("no amount", ann, "open", {"currency": "KES"}),
        ("no money", ann, "open", "900.00"),
        ("null", ann, "open", None),
        ("more than needed", ann, "open", {**kes(900), "leader": True}),
    ]
    answers = {what: send(person, lots[where], maximum) for what, person, where, maximum in accepted}
    before = written(house)
    for what, person, where, maximum in refused:
        answers[what] = send(person, lots[where], maximum)
        assert written(house) == before, what
    return answers


def test_M5_M6_bids_over_http_and_over_a_socket_are_answered_the_same_and_refusals_write_nothing(house):
    answers = {way: script(house, way) for way in WAYS}
    for what, answer in answers["http"].items():
        assert comparable(answer) == comparable(answers["socket"][what]), what
    said = answers["http"]
    verdicts = {
        what: (status, document.get("type", "").rpartition(":")[2]) for what, (status, document) in said.items()
    }
    assert verdicts == {
        **dict.fromkeys(
            ("the first", "a challenge", "the same again", "a raise", "a seller's, elsewhere"), (201, "")
        ),
        **dict.fromkeys(("too low", "equal to the price", "below one's own"), (409, "bid-too-low")),
        "late": (409, "auction-closed"),
        "early": (409, "auction-not-started"),
        "one's own lot": (409, "own-auction"),
        "by somebody blocked": (403, "account-blocked"),
        "by nobody": (401, "not-authenticated"),
        "nowhere": (404, "not-found"),
        "without funds": (409, "insufficient-funds"),
        **dict.fromkeys(
            (
                "another currency", "no currency", "too many digits", "NaN", "Infinity", "2^63", "2^63 in minor units",
                "an exponent", "negative", "nothing", "a number", "no amount", "no money", "null", "more than needed",
            ),
            (422, "invalid"),
        ),
    }  # fmt: skip
    first = said["the first"][1]
    assert (first["leading"], first["price"], first["next_minimum"]) == (True, kes(100), kes(105))
    challenge = said["a challenge"][1]
    assert (challenge["leading"], challenge["price"], challenge["bids"]) == (False, kes(125), 2)
    again = said["the same again"][1]
    assert (again["leading"], again["bids"], again["maximum"]) == (True, 2, kes(150))
    assert said["a raise"][1]["price"] == kes(125), "a raise of one's own is no reason to pay more"
    assert said["too low"][1]["next_minimum"] == kes(205)
    assert said["below one's own"][1]["next_minimum"] == kes(210)
    assert said["another currency"][1]["errors"] == {"maximum.currency": "must be KES"}
    for what in ("too many digits", "NaN", "2^63", "negative"):
        assert [*said[what][1]["errors"]] == ["maximum.amount"], what


def test_what_is_no_bid_is_refused_by_name(house):
    lot, ann = house.publish(), house.person()
    path = f"/api/v1/auctions/{lot['id']}/bids"
    assert [*ann.http.post(path, json={}).json()["errors"]] == ["maximum"]
    assert [*ann.http.post(path, json={"maximum": kes(1), "auction_id": 1}).json()["errors"]] == ["auction_id"]
    assert ann.http.post(path, content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    with ann.socket() as socket:
        for data, errors in (
            ({"auction_id": lot["id"]}, ["maximum"]),
            ({"auction_id": 2**63, "maximum": kes(200)}, ["auction_id"]),
            ({"auction_id": str(lot["id"]), "maximum": kes(200)}, ["auction_id"]),
            ({"maximum": kes(200)}, ["auction_id"]),
            ({"auction_id": lot["id"], "maximum": kes(200), "bidder": 1}, ["bidder"]),
        ):
            with pytest.raises(Refused) as refused:
                socket.command("auctions.place_bid", data)
            assert (refused.value.problem["status"], [*refused.value.problem["errors"]]) == (422, errors), data
        assert socket.command("auctions.place_bid", {"auction_id": lot["id"], "maximum": kes(200)})["leading"]
    for auction_id in (2**63, 0, -1, "x"):
        assert ann.bid({"id": auction_id}, 200).status_code == 404


def test_several_bids_of_one_socket_are_answered_each_to_its_own_id(house):
    lot, ann = house.publish(), house.person()
    with ann.socket() as socket:
        for n in range(10):
            data = {"auction_id": lot["id"], "maximum": kes(200 + n)}
            socket.send(op="command", id=f"bid {n}", name="auctions.place_bid", data=data)
        answers = [socket.answer("reply") for _ in range(10)]
    assert {answer["id"] for answer in answers} == {f"bid {n}" for n in range(10)}
    shown = house.look(lot, ann)
    assert (shown["bids"], shown["price"], shown["mine"]["maximum"]) == (10, kes(100), kes(209))
