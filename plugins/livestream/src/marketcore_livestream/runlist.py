"""The run list: which of the seller's products a stream shows, which is shown now, and flash prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text

from marketcore.catalog.models import Listing
from marketcore.catalog.offers import OfferService
from marketcore.catalog.services import ProductService
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.money import Money
from marketcore.settings import section
from marketcore.web.json import present_money, utc
from marketcore_livestream.models import Stream, StreamItem
from marketcore_livestream.refusals import NotLive
from marketcore_livestream.services import StreamService

_ARRANGE = text(
    """UPDATE livestream_items i SET position = n.place
       FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS n(id, place)
       WHERE i.id = n.id AND i.stream_id = :stream"""
)
_UNPIN = text("UPDATE livestream_items SET pinned = false WHERE stream_id = :stream AND pinned")


class RunList:
    """Changes of run lists by their sellers; the stream's row lock puts them in one order."""

    def __init__(
        self,
        session: Any,
        publish: Callable[..., None],
        streams: StreamService,
        products: ProductService,
        offers: OfferService,
        longest: int,
    ) -> None:
        self._session = session
        self._publish = publish
        self._streams = streams
        self._products = products
        self._offers = offers
        self._longest = longest

    def add(self, stream_id: int, seller_id: int, product_id: int) -> int:
        """Put one of the seller's products at the end and return the item's id."""
        self._streams.open(stream_id, seller_id)
        self._products.lock(seller_id, product_id)
        present = self._items(stream_id)
        if len(present) >= self._longest:
            raise Conflict(f"a stream shows at most {self._longest} products: take one out first")
        if product_id in {item.product_id for item in present}:
            raise Conflict(f"product {product_id} is in the run list already")
        last = max((item.position for item in present), default=0)
        item = StreamItem(stream_id=stream_id, product_id=product_id, position=last + 1)
        self._session.add(item)
        self._session.flush()
        self._tell(stream_id)
        return item.id

    def remove(self, stream_id: int, seller_id: int, item_id: int) -> None:
        """Take a product out; its flash price ends."""
        self._streams.open(stream_id, seller_id)
        item = self._item(stream_id, item_id)
        self._end_flash(item)
        self._session.delete(item)
        self._session.flush()
        self._tell(stream_id)

    def arrange(self, stream_id: int, seller_id: int, order: Sequence[int]) -> None:
        """Put the items into another order; ``Invalid`` unless ``order`` names each once."""
        self._streams.open(stream_id, seller_id)
        present = [item.id for item in self._items(stream_id)]
        if sorted(order) != sorted(present):
            raise Invalid(errors={"order": f"must name each of the items {sorted(present)} once"})
        self._session.execute(_ARRANGE, {"stream": stream_id, "ids": list(order)})
        self._session.expire_all()
        self._tell(stream_id)

    def pin(self, stream_id: int, seller_id: int, item_id: int | None) -> None:
        """Show one item now, or none; ``NotLive`` unless the stream is live."""
        self._live(stream_id, seller_id)
        item = None if item_id is None else self._item(stream_id, item_id)
        self._session.execute(_UNPIN, {"stream": stream_id})
        if item is not None:
            self._session.refresh(item)
            item.pinned = True
            self._session.flush()
        news = {"item_id": item_id, "product_id": item.product_id if item else None}
        self._publish(f"stream:{stream_id}", "stream.pinned", {"stream_id": stream_id, **news})

    def flash(self, stream_id: int, seller_id: int, item_id: int, price: Money, until: datetime | None) -> None:
        """Sell an item for less until then, or until the stream ends.

        ``NotLive`` unless the stream is live, ``Conflict`` if the product is not on sale at a fixed price, ``Invalid``
        for a price that is not lower.
        """
        stream = self._live(stream_id, seller_id)
        item = self._item(stream_id, item_id)
        latest = self._streams.latest_end(stream)
        until = latest if until is None else min(until, latest)
        listing_id = self._on_sale(item)
        self._offers.make(seller_id, listing_id, price, until)
        item.listing_id, item.currency = listing_id, price.currency
        item.flash_price_minor, item.flash_until = price.minor, until
        self._session.flush()
        self._tell_price(item, {"price": present_money(price.minor, price.currency), "until": utc(until)})

    def end_flash(self, stream_id: int, seller_id: int, item_id: int) -> None:
        """Sell an item at its usual price again."""
        self._streams.open(stream_id, seller_id)
        item = self._item(stream_id, item_id)
        if self._end_flash(item):
            self._session.flush()
            self._tell_price(item, {"price": None, "until": None})

    def _end_flash(self, item: StreamItem) -> bool:
        if item.flash_until is None or item.listing_id is None:
            return False
        self._offers.end([item.listing_id])
        item.currency = item.flash_price_minor = item.flash_until = None
        return True

    def _live(self, stream_id: int, seller_id: int) -> Stream:
        stream = self._streams.open(stream_id, seller_id)
        if stream.state != "live":
            raise NotLive(f"stream {stream_id} has not begun", state=stream.state)
        return stream

    def _on_sale(self, item: StreamItem) -> int:
        wanted = select(Listing.id).where(Listing.product_id == item.product_id, Listing.state != "closed")
        listing_id: int | None = self._session.scalar(wanted)
        if listing_id is None:
            raise Conflict(f"product {item.product_id} is not on sale: publish it at a fixed price first")
        return listing_id

    def _items(self, stream_id: int) -> list[StreamItem]:
        return list(self._session.scalars(select(StreamItem).where(StreamItem.stream_id == stream_id)))

    def _item(self, stream_id: int, item_id: int) -> StreamItem:
        wanted = select(StreamItem).where(StreamItem.id == item_id, StreamItem.stream_id == stream_id)
        item: StreamItem | None = self._session.scalar(wanted.execution_options(populate_existing=True))
        if item is None:
            raise NotFound(f"there is no item {item_id} in the run list of stream {stream_id}")
        return item

    def _tell(self, stream_id: int) -> None:
        count = select(func.count()).where(StreamItem.stream_id == stream_id)
        news = {"stream_id": stream_id, "items": self._session.scalar(count)}
        self._publish(f"stream:{stream_id}", "stream.run_list", news)

    def _tell_price(self, item: StreamItem, news: dict[str, Any]) -> None:
        about = {"stream_id": item.stream_id, "item_id": item.id, "listing_id": item.listing_id}
        self._publish(f"stream:{item.stream_id}", "stream.flash_price", {**about, **news})


def run_list(_context: Any, request: Any) -> RunList:
    """Build the service of ``request``."""
    return RunList(
        request.db,
        request.publish,
        request.find_service(StreamService),
        request.find_service(ProductService),
        request.find_service(OfferService),
        section(request.registry, "livestream")["longest_run_list"],
    )
