"""``catalog.*``: what sellers may put into the catalog."""

from __future__ import annotations

import colander


class CatalogSettings(colander.MappingSchema):
    """The catalog's limits."""

    max_images = colander.SchemaNode(
        colander.Integer(), missing=10, validator=colander.Range(1, 100), description="images of one product"
    )
