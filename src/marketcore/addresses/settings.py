"""``addresses.*``: how many somebody may keep."""

from __future__ import annotations

import colander


class AddressSettings(colander.MappingSchema):
    """Limits of address books."""

    max_per_user = colander.SchemaNode(
        colander.Integer(), missing=20, validator=colander.Range(1, 100), description="addresses of one person"
    )
