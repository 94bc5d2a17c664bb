"""What a plugin implements: payment providers, payment purposes, listing kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from marketcore.money import Money


class Outcome(StrEnum):
    """How a call to a payment provider ended. ``UNKNOWN``: it may have happened; nobody may assume otherwise."""

    SUCCEEDED = "succeeded"
    AUTHORIZED = "authorized"
    PENDING = "pending"
    NEEDS_ACTION = "needs_action"
    DECLINED = "declined"
    EXPIRED = "expired"
    NOT_ATTEMPTED = "not_attempted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NextAction:
    """What the payer has to do: ``redirect`` (``url``), ``phone_prompt`` or ``none``; ``data`` is for the client."""

    kind: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProviderResult:
    """What a provider says of one operation.

    ``amount`` is what the *provider* reports, so that the core can hold it against what was asked;
    ``reference`` identifies the attempt at the provider, ``receipt`` the money movement itself;
    ``reason`` is a normalised code such as ``insufficient_funds``; ``detail`` is for logs and never shown.
    """

    outcome: Outcome
    reference: str | None = None
    receipt: str | None = None
    amount: Money | None = None
    next_action: NextAction | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can express; the core refuses anything else before an order exists.

    ``currencies`` maps a currency to the step, in minor units, that amounts must be multiples of;
    ``minimum`` and ``maximum`` are in minor units by currency.
    """

    currencies: Mapping[str, int]
    minimum: Mapping[str, int] = field(default_factory=dict)
    maximum: Mapping[str, int] = field(default_factory=dict)
    countries: frozenset[str] | None = None
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PaymentAttempt:
    """One attempt to collect ``amount``, as a provider sees it.

    ``id`` is our operation id and the provider's idempotency key; ``code`` is a unique text of at most
    12 characters that the payer may see; ``callback_url`` is unguessable and belongs to this attempt alone;
    ``payer`` holds the validated fields of the provider's ``payer_schema``.
    """

    id: UUID
    code: str
    amount: Money
    payer: Mapping[str, Any]
    callback_url: str
    return_url: str
    reference: str | None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """An inbound call as it came: nothing in it is to be believed yet.

    ``token`` is the SHA-256, in hexadecimal, of the last part of an attempt's ``callback_url``; empty where the call
    came to the provider's general address.
    """

    body: bytes
    headers: Mapping[str, str]
    remote_addr: str
    token: str


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event of an inbound call.

    ``dedupe_key`` is unique per true event; ``attempt_id`` or ``reference`` says whose it is. With ``trusted``
    (the provider signs) ``result`` may be applied; otherwise the event is a hint and the core calls ``fetch``.
    """

    dedupe_key: str
    kind: str
    attempt_id: UUID | None = None
    reference: str | None = None
    trusted: bool = False
    result: ProviderResult | None = None


class PaymentProvider(Protocol):
    """The integration that moves money. It never touches the database or an order, and never retries a POST
    that may have been carried out."""

    name: str
    title: str
    capabilities: Capabilities
    payer_schema: Any  # a colander schema of what the payer must give, such as a telephone number
    webhook_slug: str  # the word in this provider's callback addresses

    def start(self, attempt: PaymentAttempt) -> ProviderResult:
        """Begin to collect ``attempt.amount``."""
        ...

    def fetch(self, attempt: PaymentAttempt) -> ProviderResult:
        """Ask the provider for the truth about ``attempt``; must be safe to repeat."""
        ...

    def verify(self, call: WebhookRequest) -> bool:
        """Whether the call may be stored: the signature holds, or the provider signs nothing (all are hints)."""
        ...

    def translate(self, call: WebhookRequest) -> Sequence[WebhookEvent]:
        """Split a verified call into events; ``ValueError`` says what is wrong with its shape."""
        ...

    def acknowledge(self) -> tuple[str, bytes]:
        """Return the content type and body that the provider wants to hear after a stored call."""
        ...


class TwoStepProvider(PaymentProvider, Protocol):
    """A provider that can reserve first and take later; it declares the feature ``capture``."""

    def capture(self, attempt: PaymentAttempt, amount: Money) -> ProviderResult:
        """Take authorized money, at most what was authorized."""
        ...

    def void(self, attempt: PaymentAttempt) -> ProviderResult:
        """Let an authorization go."""
        ...


class RefundingProvider(PaymentProvider, Protocol):
    """A provider that can give money back; it declares the feature ``refund``, and ``partial_refund`` if it can."""

    def refund(self, attempt: PaymentAttempt, amount: Money, refund_id: UUID) -> ProviderResult:
        """Give back ``amount``; ``refund_id`` is the idempotency key."""
        ...


class PaymentPurpose(Protocol):
    """What a payment is for: a checkout, a wallet recharge, an advertisement's budget.

    All methods run inside the transaction, with the payment's row locked.
    """

    def amount_due(self, request: Any, reference: str, user_id: int) -> Money:
        """Return what ``user_id`` has to pay for ``reference`` now; ``NotFound`` or ``Conflict`` if nothing."""
        ...

    def captured(self, request: Any, reference: str, payment_id: UUID, amount: Money, clearing: UUID) -> bool:
        """Move the money on from the ledger account ``clearing``; ``False``: it cannot be used any more."""
        ...


class ListingKind(Protocol):
    """A way of selling: at a fixed price, by auction, …"""

    name: str
    in_cart: bool  # whether a buyer may put it into the cart at its price
    fields: Any  # a colander schema of the kind's own fields when publishing

    def publish(self, request: Any, listing_id: int, fields: Mapping[str, Any]) -> None:
        """Write the kind's own rows for a listing that has just been inserted."""
        ...

    def present(self, request: Any, listing_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
        """Return what the kind adds to each listing's document."""
        ...
