"""Every document against the members the official SDK declares for it (gateways.md [S])."""

from types import NoneType
from typing import ForwardRef, get_args

import pytest
import stripe


def declared(kind):
    """Return the members of an SDK class, and those of them that are never absent or null."""
    members = {name: note for name, note in kind.__annotations__.items() if not name.startswith("_")}
    sure = {name for name, note in members.items() if not _optional(note)}
    return set(members) - {"OBJECT_NAME"}, sure - {"OBJECT_NAME", "deleted"}


def _optional(note):
    text = note.__forward_arg__ if isinstance(note, ForwardRef) else note
    if isinstance(text, str):
        return text.startswith("Optional[")
    return NoneType in get_args(text)


@pytest.fixture
def documents(shop, hooks):
    v1, seller = shop.client.v1, shop.seller()
    destination = {"transfer_data": {"destination": seller.id}, "application_fee_amount": 100}
    charge, direct = shop.paid_charge(card="pm_card_bypassPending"), shop.paid_charge(**destination)
    shop.control("/balance", {"amount": 5000, "currency": "usd"})
    moved = v1.transfers.create({"amount": 500, "currency": "usd", "destination": seller.id})
    return [
        shop.session(),
        v1.payment_intents.retrieve(charge.payment_intent),
        charge,
        v1.refunds.create({"charge": charge.id, "amount": 100}),
        moved,
        v1.transfers.reversals.create(moved.id, {"amount": 100}),
        v1.payouts.create({"amount": 500, "currency": "usd"}),
        v1.disputes.retrieve(shop.control("/disputes", {"charge": direct.id})["id"]),
        v1.balance.retrieve(),
        v1.balance_transactions.list().data[0],
        v1.application_fees.retrieve(direct.application_fee),
        seller,
        shop.client.v2.core.accounts.retrieve(seller.id),
        hooks.event("charge.succeeded"),
    ]


def test_documents_have_the_members_the_sdk_declares_and_no_others(documents):
    for document in documents:
        kind = type(document)
        assert kind is not stripe.StripeObject
        known, sure = declared(kind)
        given = set(document.to_dict())
        assert given - known == set(), kind
        assert {name for name in sure if document.to_dict().get(name) is None} == set(), kind
