"""What the catalog reads and answers."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.catalog.rules import MAX_PRICE_MINOR, MAX_QUANTITY
from marketcore.media.schemas import ImageDocument
from marketcore.money import Money
from marketcore.web.schema import (
    Anything,
    MoneyNode,
    PageQuery,
    Schema,
    Text,
    choice,
    flag,
    key,
    listing,
    moment,
    nullable,
    page_of,
    text,
    whole,
)

DESCRIPTION_LENGTH = 10_000
CATEGORY = colander.Regex(r"^([0-9]{1,18}|[a-z0-9]+(-[a-z0-9]+)*)$", "must be the id or the slug of a category")
AMOUNT = colander.Regex(r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,3})?$", "must be an amount such as 500.00")
STARS = colander.Regex(r"^([1-4](\.[0-9]{1,2})?|5(\.0{1,2})?)$", "must be 1 to 5 stars, such as 4 or 4.5")
CURRENCY = colander.Regex(r"^[A-Z]{3}$", "must be a code such as KES")
SORTS = ("newest", "price", "-price", "rating")


class NewCategory(Schema):
    """A category to add."""

    name = text(100, min_length=1)
    parent_id = key(missing=colander.drop)


class CategoryChange(Schema):
    """What to change of a category; its slug stays, so that links keep working."""

    name = text(100, min_length=1, missing=colander.drop)
    parent_id = key(missing=colander.drop, description="move it below this category")
    top_level = flag(missing=colander.drop, description="true: move it to the top")

    def validator(self, node: colander.SchemaNode, value: dict[str, Any]) -> None:
        """Refuse two destinations at once."""
        if value.get("top_level") and "parent_id" in value:
            refusal = colander.Invalid(node)
            refusal.add(colander.Invalid(node["top_level"], "cannot be given together with parent_id"))
            raise refusal


class CategoryDocument(Schema):
    """A category; ``parent_id`` is null at the top."""

    id = key()
    parent_id = nullable(key())
    name = text(100)
    slug = text(120)


class CategoryTree(Schema):
    """Every category, each after its parent."""

    items = colander.SchemaNode(colander.Sequence(), CategoryDocument(name="item"))


class NewProduct(Schema):
    """A product to add."""

    title = text(200, min_length=1)
    description = text(DESCRIPTION_LENGTH, missing="")
    category_id = key(missing=colander.drop)


class ProductChange(Schema):
    """What to change of a product."""

    title = text(200, min_length=1, missing=colander.drop)
    description = text(DESCRIPTION_LENGTH, missing=colander.drop)
    category_id = key(missing=colander.drop)


class Seller(Schema):
    """Whose it is."""

    id = key()
    username = text(60)


class RatingDocument(Schema):
    """What buyers think of a product; ``average`` is null while nobody has said."""

    average = nullable(text(4, description="stars with two digits, such as 4.50"))
    count = whole(0, 2**31 - 1)


class ProductSummary(Schema):
    """A product as lists show it; ``listing_id`` is its listing on sale or paused."""

    id = key()
    seller = Seller()
    category_id = nullable(key())
    title = text(200)
    state = choice("active", "archived")
    images = listing(ImageDocument(name="item"))
    listing_id = nullable(key())
    rating = RatingDocument()
    created_at = moment()


class ProductDocument(ProductSummary):
    """A product; its first image is the cover."""

    description = text(DESCRIPTION_LENGTH)


class ProductQuery(PageQuery):
    """Which products to list."""

    seller_id = key(missing=None)
    category = text(120, missing=None, validator=CATEGORY, description="id or slug; its descendants are included")


class ImageOrder(Schema):
    """The ids of all images of a product, the cover first."""

    order = colander.SchemaNode(colander.Sequence(), key(name="item"), validator=colander.Length(max=100))


class ImageList(Schema):
    """The images of a product in their order."""

    items = colander.SchemaNode(colander.Sequence(), ImageDocument(name="item"))


def payable(node: colander.SchemaNode, price: Money) -> None:
    """Refuse a price that an order could not add up any more."""
    if price.minor > MAX_PRICE_MINOR:
        raise colander.Invalid(node, f"must be at most {Money(MAX_PRICE_MINOR, price.currency)}")


class FixedPriceFields(Schema):
    """What a seller says of an offer at a fixed price."""

    price = MoneyNode(validator=payable)
    quantity = whole(1, MAX_QUANTITY, missing=1)


class NewListing(Schema):
    """What to sell, and how: exactly one object, called after a kind of listing, says the rest."""

    bounds = {"minProperties": 2, "maxProperties": 2}
    product_id = key()

    def validator(self, node: colander.SchemaNode, value: dict[str, Any]) -> None:
        """Refuse anything but exactly one kind."""
        if len(value) != 2:
            kinds = [child for child in node.children if child.name != "product_id"]
            refusal = colander.Invalid(node)
            for kind in kinds:
                refusal.add(colander.Invalid(kind, f"give exactly one of: {', '.join(k.name for k in kinds)}"))
            raise refusal


class ListingChange(Schema):
    """What to change of a listing at a fixed price."""

    price = MoneyNode(missing=colander.drop, validator=payable)
    quantity = whole(0, MAX_QUANTITY, missing=colander.drop)
    state = choice("active", "paused", missing=colander.drop)


class ListedProduct(Schema):
    """What a listing sells; ``cover`` is the address of a small picture."""

    id = key()
    title = text(200)
    cover = nullable(text(500))


class OfferDocument(Schema):
    """A lower price for whoever buys in time."""

    price = MoneyNode()
    until = moment()


class ListingDocument(Schema):
    """A product on sale; ``details`` is what its kind adds. With an ``offer`` it costs that until then."""

    id = key()
    kind = text(30)
    state = choice("active", "paused", "closed")
    price = MoneyNode()
    offer = nullable(OfferDocument())
    quantity = whole(0, 2**31 - 1)
    product = ListedProduct()
    seller = Seller()
    category_id = nullable(key())
    rating = RatingDocument()
    details = colander.SchemaNode(Anything())
    created_at = moment()


class ListingQuery(PageQuery):
    """What to look for among everything on sale."""

    q = text(200, min_length=1, missing=None, description='words; "a phrase", or, -without')
    category = text(120, missing=None, validator=CATEGORY, description="id or slug; its descendants are included")
    min_price = colander.SchemaNode(Text(), missing=None, validator=AMOUNT)
    max_price = colander.SchemaNode(Text(), missing=None, validator=AMOUNT)
    currency = colander.SchemaNode(
        Text(), missing=None, validator=CURRENCY, description="of the prices; the marketplace's own if not given"
    )
    min_rating = colander.SchemaNode(Text(), missing=None, validator=STARS, description="stars on average, at least")
    kind = text(30, min_length=1, missing=None)
    seller_id = key(missing=None)
    in_stock = flag(missing=False, description="true: only what can be bought now")
    sort = choice(
        *SORTS, missing="newest", description="a price order shows one currency; `rating` begins with the best"
    )


ListingPage = page_of(ListingDocument, "ListingPage")
ProductPage = page_of(ProductSummary, "ProductPage")
