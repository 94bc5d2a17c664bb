"""When the database is slow, cut off or short of connections: refusals that say so, and bids again afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from marketcore.exceptions import MarketError
from marketcore.testing.live import LiveClient, LiveServer, Refused
from marketcore_auctions import views
from marketcore_auctions.desk import Bid

from .saleroom import bid, differences, kes, log_of, open_market, people, put_up, token, until

WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture(scope="module")
def market(servers, templates, tmp_path_factory):
    few = {"marketcore__database_pool_size": "2", "live__port": "0", "live__messages_per_second": "1000"}
    with open_market(servers, templates, tmp_path_factory.mktemp("data"), **few) as market, market.serving():
        yield market


def send(http, lot, minor):
    answer = http.post(f"/api/v1/auctions/{lot}/bids", json={"maximum": _money(minor)})
    return answer.status_code, answer.json()


def _money(minor):
    return {"amount": f"{minor // 100}.{minor % 100:02}", "currency": "KES"}


@pytest.mark.parametrize("cut", ["pg_cancel_backend", "pg_terminate_backend"])
def test_bids_whose_transaction_is_broken_off_are_unavailable_not_lost_and_can_be_sent_again(market, cut):
    seller, bidder, other = people(market, 3)
    (lot,) = put_up(market, seller)
    http = market.client(token(market, bidder))
    with LiveServer(market.registry) as live, LiveClient(live.url, token(market, other)) as socket:
        with market.registry["engine"].connect() as holder, ThreadPoolExecutor(1) as pool:
            holder.execute(text("SELECT 1 FROM auctions_standings WHERE listing_id = :id FOR UPDATE"), {"id": lot})
            first = pool.submit(send, http, lot, 500)
            until(lambda: market.query(WAITING))
            socket.send(op="command", id=1, name="auctions.place_bid", data={"auction_id": lot, "maximum": _money(600)})
            holder.execute(text(f"SELECT {cut}(:pid)"), {"pid": market.query(WAITING)[0].pid})
            status, problem = first.result(30)
            assert (status, problem["type"]) == (503, "urn:marketcore:problem:unavailable"), problem
            holder.rollback()
        reply = socket.answer("reply")
        assert reply["data"]["leading"] is True
        assert send(http, lot, 500)[0] == 201
        with pytest.raises(Refused) as refused:
            socket.command("auctions.place_bid", {"auction_id": lot, "maximum": _money(200)})
        assert refused.value.problem["status"] == 409
    assert len(log_of(market, lot)) == 3
    assert differences(market, lot) == {}


def test_many_who_bid_at_once_need_no_connection_each(market):
    """Whoever waits for an answer holds no connection meanwhile: the one flight needs one."""
    seller, *bidders = people(market, 13)
    (lot,) = put_up(market, seller)
    clients = [market.client(token(market, bidder)) for bidder in bidders]
    with ThreadPoolExecutor(len(clients)) as pool:
        answers = [pool.submit(send, http, lot, 500 + 100 * number) for number, http in enumerate(clients)]
        told = [answer.result(30) for answer in answers]
    assert {status for status, _document in told} <= {201, 409}
    assert told[-1][0] == 201
    assert differences(market, lot) == {}


def test_a_bid_of_somebody_who_does_not_exist_is_refused_and_does_not_spoil_the_flight(market):
    seller, bidder = people(market, 2)
    (lot,) = put_up(market, seller)
    stranger, good = market.registry["bid desk"]._carry_out([Bid(lot, 10**12, kes(500)), Bid(lot, bidder, kes(600))])
    assert isinstance(stranger, MarketError)
    assert good["leading"] is True
    assert bid(market, lot, bidder, 700)["seq"] == 3


def test_a_bid_that_waited_too_long_for_its_flight_is_taken_back(market, monkeypatch):
    """The first flies already and may count; whoever waits behind it is told that theirs does not."""
    desk = market.registry["bid desk"]
    place = desk.place
    # As behind the bids of sockets, which no thread waits for.
    monkeypatch.setattr(desk, "place", lambda bid, **_how: place(bid))
    seller, early, late = people(market, 3)
    (lot,) = put_up(market, seller)
    monkeypatch.setattr(views, "PATIENCE", 0.3)
    with market.registry["engine"].connect() as holder, ThreadPoolExecutor(1) as pool:
        holder.execute(text("SELECT 1 FROM auctions_standings WHERE listing_id = :id FOR UPDATE"), {"id": lot})
        first = pool.submit(send, market.client(token(market, early)), lot, 500)
        until(lambda: market.query(WAITING))
        status, problem = send(market.client(token(market, late)), lot, 900)
        assert (status, "it was not placed" in problem["detail"]) == (503, True), problem
        status, problem = first.result(30)
        assert (status, "look at the auction" in problem["detail"]) == (503, True), problem
        holder.rollback()
    assert bid(market, lot, late, 700)["seq"] == 3
    maxima = [row.maximum_minor for row in market.query("SELECT maximum_minor FROM auctions_log WHERE auction_id = :id "
                                                        "ORDER BY seq", id=lot)]  # fmt: skip
    assert maxima == [None, 500, 700]
