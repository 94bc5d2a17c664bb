"""Bodies and documents of wallets."""

from __future__ import annotations

import colander

from marketcore.ledger.schemas import Amount
from marketcore.money import CURRENCIES
from marketcore.web.schema import (
    MoneyNode,
    PageQuery,
    Schema,
    Text,
    choice,
    listing,
    moment,
    nullable,
    page_of,
    text,
)


def _exists(node: colander.SchemaNode, code: str) -> None:
    if code not in CURRENCIES:
        raise colander.Invalid(node, "must be an ISO 4217 currency such as KES")


class WalletDocument(Schema):
    """One of your wallets: `available` can be spent, `held` is reserved."""

    currency = text(3)
    available = Amount()
    held = Amount()


class Wallets(Schema):
    """Your wallets, one a currency."""

    items = listing(WalletDocument(name="wallet"))


class HistoryQuery(PageQuery):
    """Whose currency's movements."""

    currency = colander.SchemaNode(
        Text(),
        missing=None,
        validator=colander.All(colander.Regex("^[A-Z]{3}$", "must be a code such as KES"), _exists),
        description="left out: the marketplace's own currency",
    )


class MovementDocument(Schema):
    """One movement. `kind`: `single` has moved, `pending` is reserved, `post` took a reserved amount and `void` let
    it go; `hold` is the movement that reserved it."""

    id = text(36)
    kind = choice("single", "pending", "post", "void")
    direction = choice("in", "out")
    amount = MoneyNode()
    code = text(40)
    ref_type = text(20)
    ref_id = text(60)
    hold = nullable(text(36))
    expires_at = nullable(moment())
    at = moment()


MovementPage = page_of(MovementDocument, "MovementPage")


class RechargeBody(Schema):
    """How much to put into the wallet."""

    amount = MoneyNode()


class RechargeDocument(Schema):
    """A recharge: pay for the purpose `wallet_recharge` with its id as the reference."""

    id = text(36)
    amount = MoneyNode()
    refunded = Amount()
    payment_id = nullable(text(36))
    paid_at = nullable(moment())
    created_at = moment()


class RechargeRefundBody(Schema):
    """How much of a recharge goes back, and how. Without `amount` all that is still there, without `target` the way
    it came if that is possible and else by hand."""

    amount = MoneyNode(missing=None)
    target = choice("original", "by_hand", missing=None)
    reason = text(200, min_length=1, description="what the payer is told")
