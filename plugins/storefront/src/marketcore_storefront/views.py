"""The pages: running auctions, and one auction."""

from __future__ import annotations

import json
from typing import Any

from pyramid.renderers import render_to_response
from pyramid.view import view_config

from marketcore.catalog.images import ImageService
from marketcore.catalog.search import Catalog
from marketcore.exceptions import Invalid, NotFound
from marketcore.media.presenting import present_image
from marketcore.settings import section
from marketcore.web.derivers import read_path
from marketcore.web.json import dumps
from marketcore.web.pagination import decode_cursor, page
from marketcore_auctions.reading import AuctionReader, position_in
from marketcore_storefront.presenting import in_words
from marketcore_storefront.templating import frame

TEMPLATES = "marketcore_storefront:templates"
BIDS_SHOWN = 50


@view_config(
    route_name="storefront.home",
    request_method="GET",
    permission="public",
    renderer=f"{TEMPLATES}/home.jinja2",
)
def show_auctions(request: Any) -> dict[str, Any]:
    """Show the running auctions, ending soonest first."""
    size = section(request.registry, "storefront")["page_size"]
    after = _position(request)
    reader = request.find_service(AuctionReader)
    rows = reader.page("open", None, after, size + 1)
    found = page(
        request,
        "storefront.home",
        rows,
        limit=size,
        position=lambda row: position_in("open", row),
        present=reader.present,
    )
    items = [{**_as_read(item), "stream_json": _as_text(item["stream"])} for item in found["items"]]
    return {**frame(request), "items": items, "next": found["next"], "first": after is None}


@view_config(
    route_name="storefront.auction",
    request_method="GET",
    permission="public",
    renderer=f"{TEMPLATES}/auction.jinja2",
)
def show_auction(request: Any) -> Any:
    """Show one auction; somebody who came by a browser is told in a page that there is none."""
    try:
        return _auction_page(request, read_path(request)["auction_id"])
    except NotFound:
        if "text/html" not in request.headers.get("Accept", ""):
            raise
        request.response.status_int = 404
        return render_to_response(f"{TEMPLATES}/missing.jinja2", frame(request), request, response=request.response)


def _auction_page(request: Any, auction_id: int) -> dict[str, Any]:
    reader = request.find_service(AuctionReader)
    document = reader.document(auction_id)
    bids = [reader.present_bid(row) for row in reader.history(auction_id, None, BIDS_SHOWN)]
    product = request.find_service(Catalog).product(document["product_id"])
    auction = _as_read(document)
    return {
        **frame(request),
        **in_words(auction),
        "auction": auction,
        "auction_json": _as_text(document),
        "bids": _as_read(bids),
        "bids_json": _as_text(bids),
        "picture": _picture(request, product.id),
        "description": product.description,
        "seller": product.username,
    }


def _position(request: Any) -> list[Any] | None:
    try:
        return decode_cursor(request.registry, "storefront.home", request.GET.get("cursor"), [str, int])
    except (Invalid, UnicodeDecodeError):
        # An address that was cut or changed on its way still leads somewhere.
        return None


def _picture(request: Any, product_id: int) -> str | None:
    images = request.find_service(ImageService).of([product_id])[product_id]
    ready = (present_image(request.registry, media) for media in images)
    return next((image["large"] for image in ready if image["large"]), None)


def _as_text(document: Any) -> str:
    return dumps(document).decode()


def _as_read(document: Any) -> Any:
    """Return ``document`` as a client of the API would read it: its times are texts."""
    return json.loads(dumps(document))
