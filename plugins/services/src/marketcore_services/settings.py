"""``services.*``: the least an order is of, and how work goes on."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.payouts.settings import Amounts

USUAL = {"BDT": "60.00"}


class Minimum(Amounts):
    """``services.minimum.KES = 50.00``; a currency that is not named keeps its usual minimum, most have none."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return ``{currency: minor}``."""
        return super().deserialize(node, {**USUAL, **cstruct} if isinstance(cstruct, dict) else cstruct)


class ServiceSettings(colander.MappingSchema):
    """Orders of services, and what vendors may do."""

    minimum = colander.SchemaNode(
        Minimum(), missing={"BDT": 60_00}, description="the least an order of a service is of, by currency"
    )
    processing_seconds = colander.SchemaNode(
        colander.Integer(),
        missing=30,
        validator=colander.Range(0, 365 * 24 * 3600),
        description="how long work takes before the order is completed",
    )
    wait_for_duration = colander.SchemaNode(
        colander.Boolean(), missing=False, description="work takes as long as its variant says, where it does"
    )
    changes_need_approval = colander.SchemaNode(
        colander.Boolean(), missing=False, description="other words of its vendor take a service's approval away"
    )
    max_images = colander.SchemaNode(
        colander.Integer(), missing=10, validator=colander.Range(1, 100), description="images of one service"
    )
    max_variants = colander.SchemaNode(
        colander.Integer(), missing=50, validator=colander.Range(1, 1000), description="variants of one service"
    )
