"""What the vendors' routes take and answer."""

from __future__ import annotations

from datetime import date
from typing import Any

import colander

from marketcore.identity.schemas import ONE_LINE, FullMatch
from marketcore.ledger.schemas import Amount
from marketcore.media.schemas import ImageDocument, PrivateFileDocument
from marketcore.money import CURRENCIES
from marketcore.web.schema import (
    PageQuery,
    Schema,
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
from marketcore_vendors.rules import EARLIEST, LATEST, DocumentState

COUNTRY = r"^(?:[A-Z]{2})?$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
MEASURES = ("net", "gross", "units", "orders")


def _line(max_length: int, **options: Any) -> colander.SchemaNode:
    return text(max_length, validator=FullMatch(ONE_LINE, "must be one line without control characters"), **options)


def _is_day(node: colander.SchemaNode, value: str) -> None:
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise colander.Invalid(node, "must be a day such as 2026-01-31") from None
    if not EARLIEST <= found <= LATEST:
        raise colander.Invalid(node, f"must be a day between {EARLIEST} and {LATEST}")


def _day(**options: Any) -> colander.SchemaNode:
    form = FullMatch(DAY, "must be a day such as 2026-01-31")
    return text(10, validator=colander.All(form, _is_day), **options)


class Address(Schema):
    """Where a business is."""

    line1 = _line(200, missing="")
    line2 = _line(200, missing="")
    city = _line(100, missing="")
    region = _line(100, missing="")
    postal_code = _line(20, missing="")
    country = text(2, validator=FullMatch(COUNTRY, "must be an ISO 3166 code such as KE"), missing="")


class AddressDocument(Schema):
    """Where a business is; what was left out is empty."""

    line1 = text(200)
    line2 = text(200)
    city = text(100)
    region = text(100)
    postal_code = text(20)
    country = text(2)


class VendorBody(Schema):
    """A whole profile: what is left out is empty."""

    brand_name = _line(120, min_length=1)
    business_name = _line(200, missing="")
    biography = text(4000, missing="")
    address = Address(missing=colander.drop)


class VendorChange(Schema):
    """Some fields of a profile; an address is replaced as a whole."""

    brand_name = _line(120, min_length=1, missing=colander.drop)
    business_name = _line(200, missing=colander.drop)
    biography = text(4000, missing=colander.drop)
    address = Address(missing=colander.drop)


class RatingDocument(Schema):
    """What buyers think: the average of `count` ratings, such as `4.25` stars."""

    average = text(12)
    count = whole(0, 10**9)


class SellerDocument(Schema):
    """A seller, as everybody sees them."""

    id = key()
    username = text(60)
    brand_name = text(120)
    biography = text(4000)
    city = text(100)
    country = text(2)
    picture = nullable(ImageDocument())
    verified = flag()
    rating = nullable(RatingDocument())
    created_at = moment()


class VendorDocument(Schema):
    """A profile, as its owner and admins see it; `id` is the vendor's account."""

    id = key()
    username = text(60)
    brand_name = text(120)
    business_name = text(200)
    biography = text(4000)
    address = AddressDocument()
    picture = nullable(ImageDocument())
    verified = flag()
    verified_at = nullable(moment())
    rating = nullable(RatingDocument())
    created_at = moment()
    updated_at = moment()


class VendorQuery(PageQuery):
    """Which profiles."""

    verified = flag(missing=None)


VendorPage = page_of(VendorDocument, "VendorPage")


class VerificationBody(Schema):
    """Whether the marketplace vouches for a vendor; taking it back says why. The vendor is told."""

    verified = flag()
    reason = text(500, missing="")

    def validator(self, node: colander.SchemaNode, given: dict[str, object]) -> None:
        """Ask why, where it is taken back."""
        if not given["verified"] and not str(given["reason"]).strip():
            refusal = colander.Invalid(node)
            refusal.add(colander.Invalid(node["reason"], "say why: the vendor is told"))
            raise refusal


class DocumentQuery(PageQuery):
    """Which papers: yours, and for admins everybody's."""

    state = choice(*DocumentState, missing=None)
    user_id = key(missing=None, description="whose; for admins")


class Submission(Schema):
    """What is submitted."""

    kind = text(40, min_length=1, description="one of `vendors.kyc_kinds`")
    expires_on = _day(missing=None, description="the last day on which the paper is valid")


class FileQuery(Schema):
    """Which form of an image; it means nothing for a PDF."""

    variant = choice("large", "thumb", missing="large")


class PaperDecision(Schema):
    """Whether a paper proves what it should. A rejection says why; its owner is told."""

    approve = flag()
    reason = text(500, missing="")
    expires_on = _day(missing=None, description="corrects what its owner has said")


class KycPaper(Schema):
    """A paper and its review. Only an `approved` one proves something; one that is `replaced` has a successor."""

    id = key()
    user_id = key()
    kind = text(40)
    state = choice(*DocumentState)
    reason = text(500)
    expires_on = nullable(text(10))
    file = PrivateFileDocument()
    decided_at = nullable(moment())
    created_at = moment()


KycPage = page_of(KycPaper, "KycPage")


class CurrencyEarnings(Schema):
    """What a vendor has earned in one currency.

    `pending` is held for orders that are not completed, `pending_commission` the marketplace's part of it;
    `available` can be withdrawn, `in_withdrawal` is on its way, `withdrawn` has arrived, `owed` is a debt.
    """

    currency = text(3)
    pending = Amount()
    pending_commission = Amount()
    available = Amount()
    in_withdrawal = Amount()
    withdrawn = Amount()
    owed = Amount()


class Earnings(Schema):
    """What a vendor has earned, by currency."""

    items = listing(CurrencyEarnings(name="earnings"))


class CategoryRate(Schema):
    """The marketplace's part of the sales of one category."""

    category_id = key()
    name = text(100)
    basis_points = whole(0, 10_000)


class CommissionDocument(Schema):
    """The marketplace's part of a vendor's sales, in hundredths of a per cent, and the categories with another one."""

    basis_points = whole(0, 10_000)
    agreed = flag(description="whether the vendor has a rate of their own")
    items = listing(CategoryRate(name="rate"))
    next = nullable(text(1000))


class SpanQuery(Schema):
    """Which sales: the thirty days up to today unless said otherwise, at most 366, by UTC."""

    since = _day(missing=None, name="from", description="the first day")
    until = _day(missing=None, name="to", description="the last day, included")
    currency = choice(*sorted(CURRENCIES), missing=None, description="left out: the marketplace's")


class DaysQuery(SpanQuery):
    """Which sales, of all products or of one."""

    product_id = key(missing=None)


class DaysChartQuery(DaysQuery):
    """Which sales, and what is drawn of them."""

    measure = choice(*MEASURES, missing="net")


class ProductsQuery(SpanQuery):
    """Which sales; pages begin with what brought most."""

    limit = whole(1, 100, missing=20, description="items per page")
    cursor = text(1000, missing=None, description="the `next` of the page before")


class ProductsChartQuery(SpanQuery):
    """Which sales, and what is drawn of them."""

    measure = choice(*MEASURES, missing="net")


class Figures(Schema):
    """Sales: what was sold, what went back or is contested, the commission on the rest, and what remains."""

    orders = whole(0, 10**15)
    units = whole(0, 10**15)
    gross = Amount()
    refunded = Amount()
    commission = Amount()
    net = Amount()


class DayFigures(Figures):
    """The sales of one day, by UTC."""

    day = text(10)


class ProductFigures(Figures):
    """The sales of one product."""

    product_id = key()
    title = text(200)


class DaysDocument(Schema):
    """Sales day by day, days without any included."""

    currency = text(3)
    since = text(10, name="from")
    until = text(10, name="to")
    total = Figures()
    items = listing(DayFigures(name="day"))


class ProductsDocument(Schema):
    """Sales by product, the greatest gross first."""

    currency = text(3)
    since = text(10, name="from")
    until = text(10, name="to")
    items = listing(ProductFigures(name="product"))
    next = nullable(text(1000))
