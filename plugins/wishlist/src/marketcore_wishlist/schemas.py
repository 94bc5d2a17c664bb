"""Documents of wishlists."""

from __future__ import annotations

from marketcore.catalog.schemas import ListedProduct, RatingDocument, Seller
from marketcore.web.schema import MoneyNode, Schema, choice, flag, key, moment, nullable, page_of, text, whole


class OfferDocument(Schema):
    """How a product is on sale now; `quantity` 0 or `paused` means not at the moment."""

    id = key()
    kind = text(30)
    state = choice("active", "paused")
    price = MoneyNode()
    quantity = whole(0, 2**31 - 1)


class WishDocument(Schema):
    """A product on your wishlist; ``listing`` is null while it is not on sale at all."""

    product = ListedProduct()
    seller = Seller()
    rating = RatingDocument()
    listing = nullable(OfferDocument())
    buyable = flag()
    added_at = moment()


class WishState(Schema):
    """Whether a product is on your wishlist, and for its seller, on how many."""

    product_id = key()
    wished = flag()
    count = nullable(whole(0, 2**31 - 1))


class DemandDocument(Schema):
    """A product of yours and on how many wishlists it is."""

    product_id = key()
    title = text(200)
    count = whole(0, 2**31 - 1)


WishPage = page_of(WishDocument, "WishPage")
DemandPage = page_of(DemandDocument, "DemandPage")
