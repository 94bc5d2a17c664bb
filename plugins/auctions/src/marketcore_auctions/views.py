"""Auctions over HTTP."""

from __future__ import annotations

from concurrent.futures import TimeoutError as TooSlow
from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.exceptions import Unavailable
from marketcore.web.json import present_money, utc
from marketcore.web.pagination import decode_cursor, page
from marketcore_auctions import schemas
from marketcore_auctions.desk import Bid, BidDesk
from marketcore_auctions.reading import AuctionReader, position_in
from marketcore_auctions.services import AuctionService

PATIENCE = 20  # seconds that a bid may wait for its answer


@view_config(
    route_name="auctions.auctions",
    request_method="GET",
    permission="public",
    openapi={"query": schemas.AuctionQuery, "responses": {200: schemas.AuctionPage}},
)
def list_auctions(request: Any) -> dict[str, Any]:
    """List auctions."""
    query = request.valid.query
    reader, scope = request.find_service(AuctionReader), f"auctions.auctions {query['state']} {query['seller_id']}"
    after = decode_cursor(request.registry, scope, query["cursor"], [str, int])
    rows = reader.page(query["state"], query["seller_id"], after, query["limit"] + 1)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: position_in(query["state"], row),
        present=reader.present,
    )


@view_config(
    route_name="auctions.mine",
    request_method="GET",
    permission="auctions.mine.read",
    openapi={"query": schemas.MineQuery, "responses": {200: schemas.AuctionPage}},
)
def list_mine(request: Any) -> dict[str, Any]:
    """List the auctions that you bid in, watch or sell by."""
    query = request.valid.query
    reader, scope = request.find_service(AuctionReader), f"auctions.mine {query['role']} {request.authenticated_userid}"
    after = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = reader.page_of_mine(query["role"], after[0] if after else None, query["limit"] + 1)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.listing_id],
        present=reader.present,
    )


@view_config(
    route_name="auctions.auction",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.AuctionDocument}},
)
def read_auction(request: Any) -> dict[str, Any]:
    """Read an auction."""
    return _document(request)


@view_config(
    route_name="auctions.bids",
    request_method="GET",
    permission="public",
    openapi={"query": schemas.PageQuery, "responses": {200: schemas.HistoryPage}},
)
def list_bids(request: Any) -> dict[str, Any]:
    """List the bids of an auction, newest first."""
    query, auction_id = request.valid.query, request.valid.path["auction_id"]
    reader, scope = request.find_service(AuctionReader), f"auctions.bids {auction_id}"
    before = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = reader.history(auction_id, before[0] if before else None, query["limit"] + 1)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.seq],
        present=reader.present_bid,
    )


@view_config(
    route_name="auctions.bids",
    request_method="POST",
    permission="auctions.bid.place",
    openapi={"body": schemas.NewBid, "responses": {201: schemas.BidDocument}, "refusals": [409]},
)
def place_bid(request: Any) -> dict[str, Any]:
    """Bid; to send the same bid again is harmless."""
    bid = Bid(request.valid.path["auction_id"], request.authenticated_userid, request.valid.body["maximum"])
    placed = request.find_service(BidDesk).place(bid, by_myself=True)
    try:
        answer: dict[str, Any] = placed.result(PATIENCE)
    except TooSlow:
        # A bid whose flight has not begun is taken back, so that nobody bids without hearing of it.
        advice = "it was not placed: try again" if placed.cancel() else "look at the auction before you bid again"
        raise Unavailable(f"the bid waited too long for the database; {advice}") from None
    request.response.status_int = 201
    return answer


@view_config(
    route_name="auctions.purchase",
    request_method="POST",
    permission="auctions.bid.place",
    idempotent=True,
    openapi={"responses": {201: schemas.PurchaseDocument}, "refusals": [409]},
)
def buy_now(request: Any) -> dict[str, Any]:
    """Buy the lot at once, at its buy-now price."""
    auction_id = request.valid.path["auction_id"]
    placed = request.find_service(AuctionService).buy_now(auction_id, request.authenticated_userid)
    request.response.status_int = 201
    return {
        "auction_id": auction_id,
        "order_id": placed.order_id,
        "checkout_id": placed.checkout_id,
        "price": present_money(placed.price.minor, placed.price.currency),
        "due_at": utc(placed.due_at),
    }


@view_config(
    route_name="auctions.retraction",
    request_method="POST",
    permission="auctions.bid.place",
    openapi={"responses": {200: schemas.AuctionDocument}, "refusals": [409]},
)
def retract_bids(request: Any) -> dict[str, Any]:
    """Take all your bids in an auction back, while its end is far enough away."""
    request.find_service(AuctionService).retract(request.valid.path["auction_id"], request.authenticated_userid)
    return _document(request)


@view_config(
    route_name="auctions.cancellation",
    request_method="POST",
    permission="auctions.auction.cancel",
    openapi={"responses": {200: schemas.AuctionDocument}, "refusals": [409]},
)
def cancel_auction(request: Any) -> dict[str, Any]:
    """Call an auction off: its seller before the first bid, an admin at any time."""
    request.find_service(AuctionService).cancel(request.valid.path["auction_id"], request.identity)
    return _document(request)


@view_config(
    route_name="auctions.watch",
    request_method="PUT",
    permission="auctions.mine.read",
    openapi={"responses": {204: None}},
)
def watch(request: Any) -> Any:
    """Watch an auction: you are told when its end is near."""
    request.find_service(AuctionService).watch(
        request.valid.path["auction_id"], request.authenticated_userid, watching=True
    )
    return HTTPNoContent()


@view_config(
    route_name="auctions.watch",
    request_method="DELETE",
    permission="auctions.mine.read",
    openapi={"responses": {204: None}},
)
def unwatch(request: Any) -> Any:
    """Cease to watch an auction."""
    request.find_service(AuctionService).watch(
        request.valid.path["auction_id"], request.authenticated_userid, watching=False
    )
    return HTTPNoContent()


@view_config(
    route_name="auctions.log",
    request_method="GET",
    permission="public",
    openapi={"query": schemas.LogQuery, "responses": {200: schemas.LogPage}, "refusals": [409]},
)
def read_log(request: Any) -> dict[str, Any]:
    """Read the log of a closed auction: `marketcore auctions replay` proves winner and price from it."""
    query, auction_id = request.valid.query, request.valid.path["auction_id"]
    scope = f"auctions.log {auction_id}"
    after = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = request.find_service(AuctionReader).log(auction_id, after[0] if after else None, query["limit"] + 1)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.seq],
        present=lambda row: {"text": row.text, "hash": row.hash},
    )


def _document(request: Any) -> dict[str, Any]:
    document: dict[str, Any] = request.find_service(AuctionReader).document(request.valid.path["auction_id"])
    return document
