"""Queries and documents of invoices and credit notes."""

from __future__ import annotations

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
from marketcore_invoices.rules import Kind


class InvoicesQuery(PageQuery):
    """Which documents."""

    role = choice("buyer", "seller", missing="buyer", description="your side of the documents")
    kind = choice(*Kind, missing=None)


class InvoiceReference(Schema):
    """The invoice that a credit note corrects."""

    id = key()
    number = text(60)
    issued_on = text(10)


class InvoiceName(Schema):
    """A party of a document, by name."""

    id = key()
    name = text(250)


class InvoiceSummary(Schema):
    """An invoice or a credit note; `ready` says that its PDF can be had."""

    id = key()
    kind = choice(*Kind)
    number = text(60)
    order_id = key()
    seller = InvoiceName()
    buyer = InvoiceName()
    total = MoneyNode()
    issued_at = moment()
    issued_on = text(10, description="the day in the marketplace's time zone")
    refers_to = nullable(InvoiceReference())
    ready = flag()


class InvoiceIssuer(Schema):
    """The marketplace, as it stood when the document was issued."""

    name = text(1000)
    address = listing(text(1000, name="line"))
    tax_id = text(1000)


class InvoiceParty(Schema):
    """A party of a document, as it stood when the document was issued."""

    id = key()
    username = text(60)
    name = text(250)
    address = listing(text(250, name="line"))


class InvoicedOrder(Schema):
    """The order that was invoiced."""

    id = key()
    reference = text(36)
    placed_on = text(10)
    paid_on = nullable(text(10))


class InvoiceLine(Schema):
    """What was bought, or given back."""

    title = text(200)
    quantity = whole(1, 1_000_000)
    unit_price = MoneyNode()
    total = MoneyNode()


class InvoiceDocument(InvoiceSummary):
    """An invoice or a credit note with all it says, and the credit notes that refer to it."""

    issuer = InvoiceIssuer()
    seller = InvoiceParty()
    buyer = InvoiceParty()
    order = InvoicedOrder()
    lines = listing(InvoiceLine(name="line"))
    credit_notes = listing(InvoiceSummary(name="credit_note"))


InvoicePage = page_of(InvoiceSummary, "InvoicePage")
