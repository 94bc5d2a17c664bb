"""``orders.*``: deadlines and the platform's share."""

from __future__ import annotations

import colander


class OrderSettings(colander.MappingSchema):
    """Deadlines and commission of orders."""

    payment_minutes = colander.SchemaNode(
        colander.Integer(), missing=1440, validator=colander.Range(1, 60 * 24 * 60), description="time to pay"
    )
    release_days = colander.SchemaNode(
        colander.Integer(),
        missing=7,
        validator=colander.Range(0, 365),
        description="days after delivery until held money is released without the buyer's word",
    )
    release_on_confirmation = colander.SchemaNode(
        colander.Boolean(), missing=True, description="the buyer's word that it arrived releases the money at once"
    )
    commission_bp = colander.SchemaNode(
        colander.Integer(), missing=200, validator=colander.Range(0, 10_000), description="basis points of each sale"
    )
    max_cart_items = colander.SchemaNode(colander.Integer(), missing=100, validator=colander.Range(1, 1000))
