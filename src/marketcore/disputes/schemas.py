"""Queries and documents of disputes."""

from __future__ import annotations

from marketcore.states import DisputeState
from marketcore.web.schema import MoneyNode, PageQuery, Schema, choice, key, listing, moment, nullable, page_of, text


class DisputesQuery(PageQuery):
    """Which disputes."""

    state = choice(*DisputeState, missing=None)


class DisputeNews(Schema):
    """A dispute that concerns the order has taken a step."""

    order_id = key()
    dispute_id = text(36)
    state = choice(*DisputeState)


class DisputePartDocument(Schema):
    """What a dispute takes from one order."""

    order_id = key()
    amount = MoneyNode()


class DisputeDocument(Schema):
    """A payment that its payer's bank contests. `won` and `lost` are seen from the platform's side.

    A seller sees the parts of their own orders; `amount` is their sum then, and what concerns others is null.
    """

    id = text(36)
    payment_id = nullable(text(36))
    provider = nullable(text(30))
    reference = nullable(text(200))
    state = choice(*DisputeState)
    amount = MoneyNode()
    parts = listing(DisputePartDocument(name="part"))
    reason = text(100)
    due_by = nullable(moment())
    opened_at = moment()
    closed_at = nullable(moment())


DisputePage = page_of(DisputeDocument, "DisputePage")
