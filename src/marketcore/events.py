"""Facts that happened, as frozen dataclasses of ids and plain values, and how they reach subscribers.

``request.emit(event)`` runs the event's subscribers inside the transaction, where raising vetoes the change.
After-commit subscribers run once the transaction has ended, each isolated from the others; what must not be
lost is therefore never left to them but written as a row (a job, a live event) by the first kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from marketcore.money import Money


@dataclass(frozen=True, slots=True)
class UserRegistered:
    """A new account exists."""

    user_id: int


@dataclass(frozen=True, slots=True)
class UserBlocked:
    """An account may no longer trade, or may again (``blocked`` false)."""

    user_id: int
    blocked: bool
    reason: str


@dataclass(frozen=True, slots=True)
class EmailVerified:
    """Somebody has proved that they read the e-mails of this account's address."""

    user_id: int


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """An account has another password: its owner changed it, or set it after forgetting the old one."""

    user_id: int


@dataclass(frozen=True, slots=True)
class SessionsRevoked:
    """These sessions of a user have ended: their tokens and sockets are worthless."""

    user_id: int
    session_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class MediaProcessed:
    """An uploaded image has been re-encoded (``state`` ``ready``), or could not be (``failed``)."""

    media_id: int
    state: str


@dataclass(frozen=True, slots=True)
class SellerVerified:
    """An administrator has verified a seller, or has taken that back (``verified`` false)."""

    user_id: int
    verified: bool


@dataclass(frozen=True, slots=True)
class SellerRated:
    """What buyers think of a seller has changed: ``count`` ratings, ``average`` in hundredths of a star."""

    user_id: int
    average: int
    count: int


@dataclass(frozen=True, slots=True)
class ListingPublished:
    """A listing can be bought."""

    listing_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """A checkout made this order; its stock is reserved and its payment is awaited."""

    order_id: int
    checkout_id: int
    buyer_id: int
    seller_id: int
    total: Money


@dataclass(frozen=True, slots=True)
class OrderStateChanged:
    """An order took one step; ``actor_id`` is ``None`` where the platform itself acted."""

    order_id: int
    buyer_id: int
    seller_id: int
    previous: str
    state: str
    actor_id: int | None


@dataclass(frozen=True, slots=True)
class ViolationRecorded:
    """A buyer did not keep their word about an order; ``standing`` violations now count against them."""

    user_id: int
    order_id: int
    kind: str
    standing: int


@dataclass(frozen=True, slots=True)
class PaymentCaptured:
    """Money has arrived for ``purpose``/``reference`` and stands in the ledger."""

    payment_id: UUID
    purpose: str
    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class MoneySetAside:
    """Money has arrived that cannot be used for what it was sent for; it stands on ``unapplied_receipts``."""

    payment_id: UUID
    amount: Money
    asked: Money


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """An attempt to pay has ended without money; ``reason`` is the normalised code."""

    payment_id: UUID
    purpose: str
    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefundChanged:
    """A refund took one step (see ``RefundState``); ``order_id`` is ``None`` for money that paid for nothing."""

    refund_id: UUID
    payment_id: UUID
    order_id: int | None
    state: str
    amount: Money


@dataclass(frozen=True, slots=True)
class PayoutChanged:
    """A payout took one step (see ``PayoutState``)."""

    payout_id: UUID
    user_id: int
    state: str
    amount: Money


@dataclass(frozen=True, slots=True)
class DisputeChanged:
    """A payer's bank has contested a payment (``open``), or that ended (``won`` or ``lost`` for the platform)."""

    dispute_id: UUID
    payment_id: UUID
    state: str
    amount: Money
