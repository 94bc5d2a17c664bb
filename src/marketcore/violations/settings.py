"""``violations.*``: what counts, and how many are too many."""

from __future__ import annotations

import colander


class ViolationSettings(colander.MappingSchema):
    """What counts against a buyer, and how many are too many."""

    limit = colander.SchemaNode(
        colander.Integer(),
        missing=3,
        validator=colander.Range(0, 1000),
        description="violations that are not pardoned and block an account; 0 blocks nobody",
    )
    for_checkouts = colander.SchemaNode(
        colander.Boolean(), missing=True, description="unpaid orders from the cart count, not only what was awarded"
    )
