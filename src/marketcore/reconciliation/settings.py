"""``reconciliation.*``: who looks after what does not agree."""

from __future__ import annotations

import colander


class ReconciliationSettings(colander.MappingSchema):
    """The comparison of orders, ledger and providers."""

    owner = colander.SchemaNode(
        colander.String(), missing="", description="e-mail address of the admin whom new differences belong to"
    )
