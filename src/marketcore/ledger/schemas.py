"""What the ledger shows to the people whose money it is."""

from __future__ import annotations

from marketcore.web.schema import Schema, listing, moment, text


class Amount(Schema):
    """An amount that may be zero or, on a debt, below."""

    amount = text(30)
    currency = text(3)


class EntryDocument(Schema):
    """One movement: from one account to another."""

    id = text(36)
    code = text(40)
    kind = text(8)
    debit = text(60)
    credit = text(60)
    amount = Amount()
    at = moment()


class Statement(Schema):
    """Every movement of one thing, oldest first."""

    items = listing(EntryDocument(name="entry"))


class BalanceDocument(Schema):
    """What one of your accounts holds: `available` can be used, `reserved` is spoken for."""

    purpose = text(40)
    available = Amount()
    reserved = Amount()


class Balances(Schema):
    """Your accounts."""

    items = listing(BalanceDocument(name="balance"))
