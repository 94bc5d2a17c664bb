"""``payments_mpesa.*``: the account at Safaricom."""

from __future__ import annotations

import colander

from marketcore_payments_mpesa.client import PRODUCTION_URL, TRANSACTION_TYPES


class MpesaSettings(colander.MappingSchema):
    """Daraja credentials; secrets are best given as ``env:NAME``."""

    base_url = colander.SchemaNode(colander.String(), missing=PRODUCTION_URL)
    consumer_key = colander.SchemaNode(colander.String(), description="from the Daraja app")
    consumer_secret = colander.SchemaNode(colander.String(), description="from the Daraja app")
    shortcode = colander.SchemaNode(colander.String(), description="paybill, or the store number of a till")
    passkey = colander.SchemaNode(colander.String(), description="of M-Pesa Express")
    transaction_type = colander.SchemaNode(
        colander.String(), missing=TRANSACTION_TYPES[0], validator=colander.OneOf(TRANSACTION_TYPES)
    )
    till = colander.SchemaNode(colander.String(), missing="", description="till number for CustomerBuyGoodsOnline")
    maximum_kes = colander.SchemaNode(
        colander.Integer(), missing=250_000, validator=colander.Range(1), description="per transaction"
    )
    description = colander.SchemaNode(colander.String(), missing="Order", validator=colander.Length(1, 13))
