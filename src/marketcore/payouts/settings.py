"""``payouts.*``: how much may leave without anybody looking, and where payees come back to."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.money import Money


class Amounts(colander.Mapping):
    """One amount per currency, such as ``payouts.minimum.KES = 100.00``, read into minor units."""

    def __init__(self) -> None:
        super().__init__(unknown="preserve")

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return ``{currency: minor}``; a currency nobody knows and what is no amount are refused by their keys."""
        given = super().deserialize(node, cstruct)
        if given is colander.null:
            return given
        refusal = colander.Invalid(node)
        for currency in list(given):
            try:
                given[currency] = Money.parse(given[currency], currency).minor
            except ValueError as error:
                refusal.add(colander.Invalid(colander.SchemaNode(colander.String(), name=currency), str(error)))
        if refusal.children:
            raise refusal
        return given


class PayoutSettings(colander.MappingSchema):
    """What is paid out, and when somebody has to agree."""

    minimum = colander.SchemaNode(
        Amounts(), missing=colander.drop, description="the least that is paid out at once, by currency"
    )
    auto_approve = colander.SchemaNode(
        Amounts(),
        missing=colander.drop,
        description="payouts up to this amount need no admin's approval, by currency; left out: every one does",
    )
    return_url = colander.SchemaNode(
        colander.String(),
        missing="",
        description="the page a payee comes back to from an enrolment; else the destination's own address",
    )
    refresh_url = colander.SchemaNode(
        colander.String(),
        missing="",
        description="the page that asks for a new link when one has expired; else the destination's own address",
    )
