"""Bodies and documents of payouts and of where they go."""

from __future__ import annotations

import colander

from marketcore.ledger.schemas import Amount
from marketcore.payments.schemas import NextActionDocument
from marketcore.payouts.rules import SOURCES
from marketcore.states import PayoutState
from marketcore.web.openapi import UUID_PATTERN
from marketcore.web.schema import (
    MoneyNode,
    PageQuery,
    Schema,
    choice,
    flag,
    key,
    listing,
    moment,
    nullable,
    page_of,
    text,
)

_A_UUID = colander.Regex(f"^{UUID_PATTERN}$", "must be an id such as 3f2b8c1e-0d4a-4f6b-9a57-1c2d3e4f5a6b")


class DestinationDetails(colander.MappingSchema):
    """What the provider needs to pay there, such as `phone` or `iban`; each provider says in its documentation."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "preserve"


class DestinationBody(Schema):
    """Where you want to be paid."""

    provider = text(30, min_length=1, description="who pays, such as `mpesa`")
    label = text(100, missing="", description="your own name for it")
    details = DestinationDetails(missing={})


class DestinationDocument(Schema):
    """Where you are paid. Only an `active` destination can be paid to; `next_action` makes a `pending` one active."""

    id = text(36)
    provider = text(30)
    label = text(100)
    state = choice("pending", "active", "rejected")
    reason = text(200)
    next_action = nullable(NextActionDocument())
    created_at = moment()
    updated_at = moment()


class Destinations(Schema):
    """Your payout destinations, oldest first."""

    items = listing(DestinationDocument(name="destination"))


class PayoutBody(Schema):
    """How much to pay out, to which of your destinations, and from what."""

    destination_id = text(36, validator=_A_UUID)
    amount = MoneyNode()
    source = choice(*SOURCES, missing="earnings")


class DecisionBody(Schema):
    """Whether a payout may leave. A rejection says why; the payee is told."""

    approve = flag()
    reason = text(200, missing="")


class PayoutDocument(Schema):
    """One amount on its way to a payee. `unknown` means: being clarified; the money stays reserved."""

    id = text(36)
    code = text(12, description="what the payee may see on the statement")
    user_id = key()
    destination_id = text(36)
    provider = text(30)
    source = choice(*SOURCES)
    amount = MoneyNode()
    state = choice(*PayoutState)
    reason = text(200)
    failure = text(60)
    receipt = nullable(text(200))
    created_at = moment()
    updated_at = moment()


class PayoutQuery(PageQuery):
    """Which payouts to list: yours, and for admins everybody's."""

    state = choice(*PayoutState, missing=None)


PayoutPage = page_of(PayoutDocument, "PayoutPage")


class CurrencyBalance(Schema):
    """What is yours in one currency.

    `held` is paid for orders of yours that are not completed (commission included), `available` can be paid out,
    `in_payout` is on its way, `debt` is owed to the marketplace and `wallet` is your own money here.
    """

    currency = text(3)
    held = Amount()
    available = Amount()
    in_payout = Amount()
    debt = Amount()
    wallet = Amount()


class CurrencyBalances(Schema):
    """What is yours, by currency."""

    items = listing(CurrencyBalance(name="balance"))
