"""What the payer and the payee have to give: a telephone number."""

from __future__ import annotations

from typing import Any

import colander

from marketcore_payments_mpesa.numbers import normalise_msisdn


class Msisdn(colander.SchemaType):
    """A Safaricom number, however people write it."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return it as ``2547XXXXXXXX``."""
        if cstruct is colander.null:
            return colander.null
        try:
            return normalise_msisdn(cstruct if isinstance(cstruct, str) else "")
        except ValueError as error:
            raise colander.Invalid(node, str(error)) from None


class MpesaPhone(colander.MappingSchema):
    """The telephone that is prompted, or paid."""

    phone = colander.SchemaNode(Msisdn())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "raise"
