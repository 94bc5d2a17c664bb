"""``auctions.*``."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.money import Money
from marketcore_auctions.rules import check_increments


class Increments(colander.MappingSchema):
    """``auctions.increments.KES = 0:1 100:5``: from which price which step, by currency; ``*`` is any other."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "preserve"


def _whole(missing: int, low: int, high: int, description: str) -> Any:
    return colander.SchemaNode(
        colander.Integer(), missing=missing, validator=colander.Range(low, high), description=description
    )


class AuctionSettings(colander.MappingSchema):
    """What auctions are like where their seller says nothing, and what the house allows."""

    increments = Increments(missing=colander.drop)
    soft_close = colander.SchemaNode(
        colander.String(),
        missing="extend",
        validator=colander.OneOf(["none", "extend", "reset"]),
        description="what a bid shortly before the end does to it: nothing, add time, or set a full countdown again",
    )
    soft_close_window_seconds = _whole(120, 1, 86_400, "how near to the end a bid moves it")
    soft_close_extension_seconds = _whole(120, 1, 86_400, "by how much")
    soft_close_cap_seconds = _whole(3600, 1, 604_800, "how far past the planned end at most")
    longest_minutes = _whole(60 * 24 * 30, 1, 60 * 24 * 366, "the longest an auction may run")
    payment_minutes = _whole(1440, 1, 60 * 24 * 60, "time that a winner has to pay")
    if_unpaid = colander.SchemaNode(
        colander.String(),
        missing="second_chance",
        validator=colander.OneOf(["second_chance", "relist", "end"]),
        description="what happens when the winner does not pay",
    )
    second_chances = _whole(3, 0, 20, "how many further bidders are offered the lot")
    relists = _whole(1, 0, 20, "how often a lot is put up again by itself")
    retraction_hours = _whole(12, 0, 8760, "bids may be retracted until so many hours before the end")
    ending_soon_minutes = _whole(15, 0, 1440, "when watchers are told that the end is near; 0: never")


DEFAULT_INCREMENTS = "0:1 100:5 500:10 1000:25 2500:50 5000:100 10000:250 25000:500 50000:1000 250000:5000"
_SMALL = "0:0.05 1:0.25 5:0.50 25:1 100:2.50 250:5 500:10 1000:25 2500:50 5000:100"
_BUILT_IN = {"USD": _SMALL, "EUR": _SMALL, "GBP": _SMALL, "*": DEFAULT_INCREMENTS}


def read_increments(given: dict[str, str], currency: str) -> tuple[tuple[int, int], ...]:
    """Return the ``(from, step)`` table of ``currency`` in minor units; ``ValueError`` says what is wrong with it."""
    text = given.get(currency) or given.get("*") or _BUILT_IN.get(currency) or DEFAULT_INCREMENTS
    pairs = []
    for word in text.split():
        price, _colon, step = word.partition(":")
        pairs.append((Money.parse(price, currency).minor, Money.parse(step, currency).minor))
    return check_increments(pairs)
