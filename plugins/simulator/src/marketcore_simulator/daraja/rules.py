"""Every rule Daraja states for STK push and STK query. Pure."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from marketcore_simulator.daraja import credentials, fields
from marketcore_simulator.daraja.refusals import bad_field, no_answer

TRANSACTION_TYPES = ("CustomerPayBillOnline", "CustomerBuyGoodsOnline")

_TIMESTAMP = re.compile(r"[0-9]{14}")


@dataclass(frozen=True)
class PushOrder:
    """An STK push that passed every rule; `amount` is whole KES."""

    transaction_type: str
    amount: int
    phone: str
    party_b: str
    callback_url: str
    reference: str
    description: str

    @property
    def misrouted(self) -> bool:
        """Tell whether a pay bill order names another receiver than the shortcode."""
        return self.transaction_type == TRANSACTION_TYPES[0] and self.party_b != credentials.SHORTCODE


def read_push(document: Mapping[str, object], max_amount: int) -> PushOrder:
    """Check a push field by field; raise Refusal for the first that fails."""
    check_signature(document)
    fields.matching(document, "PartyA", fields.PHONE)
    return PushOrder(
        transaction_type=fields.one_of(document, "TransactionType", TRANSACTION_TYPES),
        amount=fields.amount(document, 1, max_amount),
        phone=fields.matching(document, "PhoneNumber", fields.PHONE),
        party_b=fields.matching(document, "PartyB", fields.SHORTCODE),
        callback_url=fields.address(document, "CallBackURL"),
        reference=fields.text(document, "AccountReference", 1, 12),
        description=fields.text(document, "TransactionDesc", 0, 13),
    )


def check_signature(document: Mapping[str, object]) -> None:
    """Recompute Password from the shortcode, the passkey and Timestamp; raise Refusal if it differs."""
    shortcode = fields.matching(document, "BusinessShortCode", fields.SHORTCODE)
    timestamp = fields.matching(document, "Timestamp", _TIMESTAMP)
    fields.moment(document, "Timestamp", "%Y%m%d%H%M%S")
    if not isinstance(document.get("Password"), str) or not document["Password"]:
        raise bad_field("Password")
    if shortcode != credentials.SHORTCODE:
        raise no_answer("Merchant does not exist")
    if document["Password"] != password(shortcode, timestamp):
        raise no_answer("Wrong credentials")


def password(shortcode: str, timestamp: str) -> str:
    """Return base64(shortcode + passkey + timestamp)."""
    return base64.b64encode(f"{shortcode}{credentials.PASSKEY}{timestamp}".encode()).decode("ascii")
