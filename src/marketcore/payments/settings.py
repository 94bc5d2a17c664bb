"""``payments.*``: which provider serves what."""

from __future__ import annotations

import colander

from marketcore.settings import Words


class Routes(colander.MappingSchema):
    """``payments.route.KES = mpesa stripe``: the providers of a currency, best first; ``*`` is any other.

    ``KES-UG`` is the route of a currency in one country (of the address the goods go to) and ``*-UG`` of any other
    currency there; the closest one decides.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "preserve"


class PaymentSettings(colander.MappingSchema):
    """Routing and deadlines of payments."""

    route = Routes(missing=colander.drop)
    attempt_minutes = colander.SchemaNode(
        colander.Integer(),
        missing=15,
        validator=colander.Range(1, 1440),
        description="how long a payer has to approve an attempt",
    )
    drain = colander.SchemaNode(
        Words(), missing=(), description="providers that finish what they have and begin nothing new"
    )
    refund_late_money = colander.SchemaNode(
        colander.Boolean(),
        missing=True,
        description="money that comes when its order is gone goes back by itself; else a person decides",
    )
    callback_url = colander.SchemaNode(
        colander.String(), missing="", description="public address of this platform for providers; else public_url"
    )


def read_routes(values: dict[str, str]) -> dict[str, list[str]]:
    """Return provider names by currency (or ``*``)."""
    words = Words()
    return {currency: words.deserialize(None, names) for currency, names in values.items()}
