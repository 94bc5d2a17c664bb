"""What orders may do: splitting a cart by seller, and whose word takes which step. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from marketcore.exceptions import Conflict, Forbidden, IllegalTransition, NotFound, OutOfStock, PriceChanged
from marketcore.money import MAX_MINOR, Money, allocate, commission, exponent
from marketcore.states import ORDER_TRANSITIONS, OrderState, step


class Actor(StrEnum):
    """In which capacity somebody acts on an order."""

    BUYER = "buyer"
    SELLER = "seller"
    ADMIN = "admin"
    PLATFORM = "platform"


_O = OrderState
# Who may ask for a step by name. Steps that move money on their own (paid, expired) belong to the platform alone.
STEPS: Mapping[tuple[OrderState, OrderState], frozenset[Actor]] = {
    (_O.PENDING_PAYMENT, _O.CANCELLED): frozenset({Actor.BUYER, Actor.SELLER, Actor.ADMIN}),
    (_O.PAID, _O.CANCELLED): frozenset({Actor.BUYER, Actor.SELLER, Actor.ADMIN}),
    (_O.CONFIRMED, _O.CANCELLED): frozenset({Actor.SELLER, Actor.ADMIN}),
    (_O.PACKED, _O.CANCELLED): frozenset({Actor.SELLER, Actor.ADMIN}),
    (_O.PAID, _O.PROCESSING): frozenset({Actor.SELLER}),
    (_O.PROCESSING, _O.CANCELLED): frozenset({Actor.SELLER, Actor.ADMIN}),
    (_O.PROCESSING, _O.COMPLETED): frozenset({Actor.BUYER, Actor.ADMIN}),
    (_O.PAID, _O.CONFIRMED): frozenset({Actor.SELLER}),
    (_O.CONFIRMED, _O.PACKED): frozenset({Actor.SELLER}),
    (_O.PACKED, _O.SHIPPED): frozenset({Actor.SELLER}),
    (_O.SHIPPED, _O.DELIVERED): frozenset({Actor.BUYER, Actor.SELLER}),
    (_O.DELIVERED, _O.COMPLETED): frozenset({Actor.BUYER, Actor.ADMIN}),
}
# States in which the money of a paid order, but for what has gone back, stands on its held account.
MONEY_HELD = frozenset({_O.PAID, _O.PROCESSING, _O.CONFIRMED, _O.PACKED, _O.SHIPPED, _O.DELIVERED})
# States in which the goods have no label yet: their buyer may still say where they go.
UNPACKED = frozenset({_O.PENDING_PAYMENT, _O.PAID, _O.CONFIRMED})
# What becomes of goods only, and of work only.
OF_GOODS = frozenset({_O.CONFIRMED, _O.PACKED, _O.SHIPPED, _O.DELIVERED})
OF_WORK = frozenset({_O.PROCESSING})
# Steps that nobody can take with goods that go nowhere.
ADDRESSED = frozenset({_O.PACKED, _O.SHIPPED})


def is_held(order: Any) -> bool:
    """Whether the order's money stands on its held account; a dispute leaves it where it found it."""
    state = order.disputed_from if order.state == OrderState.DISPUTED else order.state
    return order.paid_at is not None and state in MONEY_HELD


def check_freeze(order: Any, *, released: bool) -> int:
    """Return how many minor units of ``order`` can be frozen; ``Conflict`` says why none can."""
    left: int = order.total_minor - order.refunded_minor - order.disputed_minor
    if order.state == OrderState.DISPUTED:
        raise Conflict(f"the money of order {order.id} is set apart already")
    if order.paid_at is None or not left or not (is_held(order) or order.state == OrderState.COMPLETED):
        raise Conflict(f"order {order.id} is {order.state} and there is no money of it to freeze")
    if not is_held(order) and not released:
        raise Conflict(f"the money of order {order.id} has gone to its seller: an admin may still freeze it")
    return left


def platform_share(order: Any, minor: int) -> int:
    """Return the platform's part of the first ``minor`` units of an order: all of them carry the whole commission."""
    return allocate(minor, [order.commission_minor, order.total_minor - order.commission_minor])[0]


def check_step(current: OrderState, target: OrderState, actors: Iterable[Actor]) -> OrderState:
    """Return ``target`` if one of ``actors`` may take this step; ``IllegalTransition`` or ``Forbidden`` if not."""
    step(ORDER_TRANSITIONS, current, target)
    if not STEPS.get((current, target), frozenset()).intersection(actors):
        raise Forbidden(f"the step from {current} to {target} is not yours to take")
    return target


def check_way(target: OrderState, *, ships: bool) -> None:
    """Raise ``IllegalTransition`` if goods (``ships``) shall be worked on, or work be packed and shipped."""
    if target in (OF_WORK if ships else OF_GOODS):
        raise IllegalTransition(f"{'goods are' if ships else 'work is'} not {target}", target=str(target))


@dataclass(frozen=True, slots=True)
class CartLine:
    """What somebody buys of a listing, and the listing as it stands.

    ``terms`` is a text that changes with whatever the price depends on.
    ``awarded``: they have won it. ``offer_minor`` is a lower price for whoever buys before ``offer_until``; one before
    that ended at ``offer_ended_at``. ``dearer_since`` is when the price last rose because an offer was over.
    """

    listing_id: int
    product_id: int
    seller_id: int
    title: str
    state: str
    currency: str
    unit_minor: int
    wanted: int
    left: int
    awarded: bool
    commission_bp: int
    terms: str
    offer_minor: int | None = None
    offer_until: datetime | None = None
    offer_ended_at: datetime | None = None
    dearer_since: datetime | None = None

    @classmethod
    def of(cls, row: Any) -> CartLine:
        """Return the line of a row that has a column for each field."""
        return cls(*(getattr(row, name) for name in _READ))

    def at(self, now: datetime) -> CartLine:
        """Return the line at the price of the moment ``now``."""
        ends = [end for end in (self.offer_until, self.offer_ended_at) if end is not None and end <= now]
        on_offer = self.offer_until is not None and now < self.offer_until
        price = min(self.unit_minor, self.offer_minor) if on_offer and self.offer_minor else self.unit_minor
        return replace(self, unit_minor=price, dearer_since=max(ends, default=None))

    @property
    def total_minor(self) -> int:
        """The line's price."""
        return self.unit_minor * self.wanted

    @property
    def commission_minor(self) -> int:
        """The platform's share of the line."""
        return commission(self.total_minor, self.commission_bp)


_READ = tuple(field.name for field in fields(CartLine) if field.name != "dearer_since")


def split_by_seller(lines: Sequence[CartLine], buyer_id: int) -> dict[int, list[CartLine]]:
    """Return the lines of each seller; ``Conflict`` or ``OutOfStock`` names the line that cannot be bought."""
    if not lines:
        raise Conflict("the cart is empty: put a listing into it first")
    currencies = sorted({line.currency for line in lines})
    if len(currencies) > 1:
        raise Conflict(f"the cart mixes {' and '.join(currencies)}: check out one currency at a time")
    for line in lines:
        if line.state != "active" and not line.awarded:
            raise Conflict(f"listing {line.listing_id} ({line.title}) is no longer on sale", listing_id=line.listing_id)
        _check_line(line, buyer_id)
    if sum(line.total_minor for line in lines) > largest_total(currencies[0]):
        raise Conflict("the total is more than can be paid at once: split the cart")
    sellers: dict[int, list[CartLine]] = {}
    for line in sorted(lines, key=lambda line: (line.seller_id, line.listing_id)):
        sellers.setdefault(line.seller_id, []).append(line)
    return sellers


def check_price(lines: Sequence[CartLine], known: Mapping[int, datetime], total: Money | None) -> None:
    """Raise ``PriceChanged`` unless the lines cost ``total``.

    Without it, raise if an offer has ended that may have been shown: ``known`` says by listing since when the buyer
    knows its price.
    """
    price = Money(sum(line.total_minor for line in lines), lines[0].currency)
    if total is not None:
        if price != total:
            raise PriceChanged(f"the cart costs {price} now, not {total}: look at it again", total=str(price))
        return
    for line in lines:
        if line.dearer_since is not None and line.dearer_since > known[line.listing_id]:
            raise PriceChanged(
                f"an offer of listing {line.listing_id} ({line.title}) has ended: put it into the cart again, take it "
                "out, or send the total that you agree to",
                listing_id=line.listing_id,
            )


def largest_total(currency: str) -> int:
    """Return the largest amount, in minor units, that documents write: sixteen digits before the point."""
    return min(10 ** (16 + exponent(currency)) - 1, MAX_MINOR)


def check_award(line: CartLine, buyer_id: int) -> None:
    """Raise ``Conflict`` or ``OutOfStock`` if the buyer cannot have the line at the agreed price, on sale or not."""
    _check_line(line, buyer_id)
    if not 0 < line.total_minor <= largest_total(line.currency):
        raise Conflict(f"listing {line.listing_id} cannot be sold at {Money(line.total_minor, line.currency)}")


def _check_line(line: CartLine, buyer_id: int) -> None:
    if line.seller_id == buyer_id:
        raise Conflict(f"listing {line.listing_id} is your own", listing_id=line.listing_id)
    if line.left < line.wanted:
        raise OutOfStock(
            f"listing {line.listing_id} ({line.title}) has {line.left} left, not {line.wanted}",
            listing_id=line.listing_id,
            left=line.left,
        )


def capacities(order: Any, identity: Any) -> frozenset[Actor]:
    """Return in which capacities ``identity`` knows ``order``; ``NotFound`` for a stranger."""
    candidates: Iterable[tuple[Actor, bool]] = (
        (Actor.BUYER, order.buyer_id == identity.user_id),
        (Actor.SELLER, order.seller_id == identity.user_id),
        (Actor.ADMIN, "admin" in identity.roles),
    )
    found = frozenset(actor for actor, holds in candidates if holds)
    if not found:
        raise NotFound(f"there is no order {order.id} of yours")
    return found
