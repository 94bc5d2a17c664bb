"""Bodies, queries and documents of services, their variants and orders of them."""

from __future__ import annotations

import colander

from marketcore.catalog.schemas import payable
from marketcore.media.schemas import ImageDocument
from marketcore.orders.schemas import Person
from marketcore.payments.schemas import Payer, PaymentDocument
from marketcore.states import OrderState
from marketcore.web.schema import (
    MoneyNode,
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

NAME_LENGTH, VARIANT_LENGTH, DESCRIPTION_LENGTH = 120, 75, 10_000
LONGEST_MINUTES = 60 * 24 * 365


class NewService(Schema):
    """A service to offer; given to change one, it is all of it."""

    name = text(NAME_LENGTH, min_length=1)
    description = text(DESCRIPTION_LENGTH, missing="")
    category_id = key(missing=None)


class ServiceChange(Schema):
    """What to change of a service."""

    name = text(NAME_LENGTH, min_length=1, missing=colander.drop)
    description = text(DESCRIPTION_LENGTH, missing=colander.drop)
    category_id = key(missing=colander.drop)


class Decision(Schema):
    """Whether customers may see a service."""

    approved = flag()
    reason = text(500, missing="", description="told to the vendor where it is not approved")


class VariantFields(Schema):
    """A variant; given to change one, it is all of it."""

    name = text(VARIANT_LENGTH, min_length=1)
    description = text(1000, missing="")
    price = MoneyNode(validator=payable)
    duration_minutes = whole(1, LONGEST_MINUTES, missing=None)


class NewVariant(VariantFields):
    """A variant to offer of a service of yours."""

    service_id = key()


class VariantChange(Schema):
    """What to change of a variant."""

    name = text(VARIANT_LENGTH, min_length=1, missing=colander.drop)
    description = text(1000, missing=colander.drop)
    price = MoneyNode(validator=payable, missing=colander.drop)
    duration_minutes = whole(1, LONGEST_MINUTES, missing=colander.drop)


class ImageOrder(Schema):
    """The images of a service in the order wanted, all of them."""

    order = listing(key(name="media_id"), validator=colander.Length(max=100))


class ImageList(Schema):
    """The images of a service in their order."""

    items = listing(ImageDocument(name="item"))


class VariantDocument(Schema):
    """One way of doing a service, at its price."""

    id = key()
    service_id = key()
    name = text(VARIANT_LENGTH)
    description = text(1000)
    price = MoneyNode()
    duration_minutes = nullable(whole(1, LONGEST_MINUTES))


class OfferDocument(Schema):
    """A service as customers see it."""

    id = key()
    vendor = Person()
    category_id = nullable(key())
    name = text(NAME_LENGTH)
    description = text(DESCRIPTION_LENGTH)
    variants = listing(VariantDocument(name="variant"))
    images = listing(ImageDocument(name="image"))
    created_at = moment()


class ServiceDocument(OfferDocument):
    """A service as its vendor and admins see it."""

    approved = flag()
    reason = text(500)
    updated_at = moment()


class ServiceQuery(PageQuery):
    """Which services."""

    q = text(200, min_length=1, missing=None, description='words; "a phrase", or, -without')
    category_id = key(missing=None)
    vendor_id = key(missing=None)


class ManagedQuery(ServiceQuery):
    """Which services, for those who manage them; a vendor's own are all there is for a vendor."""

    approved = flag(missing=None)


class VariantQuery(PageQuery):
    """Which variants."""

    service_id = key(missing=None)


class NewServiceOrder(Schema):
    """What to order of whom; `provider` and `payer` as for payments."""

    vendor_id = key()
    variant_id = key()
    provider = text(30, missing=None, description="left out: the best of the configured route")
    payer = Payer(missing={})


class ServiceOrderDocument(Schema):
    """An order of work; service and variant are named as they were, and their ids are `null` once they are gone."""

    order_id = text(36)
    order_number = key()
    checkout_id = key()
    state = choice(*OrderState)
    vendor = Person()
    customer = Person()
    service_id = nullable(key())
    service = text(NAME_LENGTH)
    variant_id = nullable(key())
    variant = text(VARIANT_LENGTH)
    duration_minutes = nullable(whole(1, LONGEST_MINUTES))
    total = MoneyNode()
    payment_due_at = moment()
    started_at = nullable(moment())
    due_at = nullable(moment())
    created_at = moment()


class PlacedDocument(Schema):
    """An order of work that awaits its payment.

    `checkout_url` is the page to pay on, `null` where the payment's `next_action` is another.
    """

    order_id = text(36)
    checkout_url = nullable(text(4000))
    order = ServiceOrderDocument()
    payment = PaymentDocument()


class ServiceOrdersQuery(PageQuery):
    """Which orders of work."""

    role = choice("customer", "vendor", missing="customer")
    state = choice(*OrderState, missing=None)


ServicePage = page_of(ServiceDocument, "ServicePage")
OfferPage = page_of(OfferDocument, "OfferPage")
VariantPage = page_of(VariantDocument, "VariantPage")
ServiceOrderPage = page_of(ServiceOrderDocument, "ServiceOrderPage")
