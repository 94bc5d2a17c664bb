"""``payments_manual.*``: whose account, and how long a transfer may take."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.exceptions import ConfigurationError
from marketcore.money import CURRENCIES
from marketcore.payments.settings import read_routes
from marketcore.settings import Currencies, section


class ManualSettings(colander.MappingSchema):
    """What payers are told, and who confirms."""

    currencies = colander.SchemaNode(
        Currencies(), missing=sorted(CURRENCIES), description="what may be paid by hand; left out: all"
    )
    bank_account = colander.SchemaNode(
        colander.String(),
        missing="",
        validator=colander.Length(max=300),
        description="where transfers go, as payers read it: bank, account or IBAN, holder",
    )
    bank_account_of = colander.SchemaNode(
        colander.String(),
        missing="platform",
        validator=colander.OneOf(("platform", "seller")),
        description="whose account it is: an admin confirms, or the seller may as well and holds the money",
    )
    lifetime_minutes = colander.SchemaNode(
        colander.Integer(),
        missing=3 * 24 * 60,
        validator=colander.Range(1, 60 * 24 * 60),
        description="how long a transfer is waited for",
    )


def check_bank_account(registry: Any) -> None:
    """Stop the start where payers would be sent to an account that nobody has named."""
    routes = read_routes(section(registry, "payments").get("route", {}))
    if section(registry, "payments_manual")["bank_account"]:
        return
    for currency, names in routes.items():
        if "bank_transfer" in names:
            raise ConfigurationError(
                f"payments_manual.bank_account is not set, and payments.route.{currency} names bank_transfer: "
                "write there what payers have to know, or change the route"
            )
