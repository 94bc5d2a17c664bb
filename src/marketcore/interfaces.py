"""What a plugin implements: payment and payout providers, payment purposes, listing kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from marketcore.money import Money


class Outcome(StrEnum):
    """How a call to a payment provider ended.

    ``UNKNOWN``: it may have happened; nobody may assume otherwise. ``RETURNED``: money that had gone out (a refund,
    a payout) has come back after its success was reported.
    """

    SUCCEEDED = "succeeded"
    AUTHORIZED = "authorized"
    PENDING = "pending"
    NEEDS_ACTION = "needs_action"
    DECLINED = "declined"
    EXPIRED = "expired"
    NOT_ATTEMPTED = "not_attempted"
    RETURNED = "returned"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NextAction:
    """What the payer (or payee) has to do: ``redirect`` (``url``), ``phone_prompt``, ``instructions`` or ``none``.

    ``client_secret`` is for the provider's own form in the client. ``data`` is for the client.
    """

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
    ``minimum`` and ``maximum`` are in minor units by currency; ``countries`` (ISO 3166 alpha-2) is ``None`` for
    all. ``lifetime_minutes`` is how long a payer has, where the provider knows better than the configuration.

    ``features``: ``refund`` and ``partial_refund`` (``RefundingProvider``), ``capture`` (``TwoStepProvider``),
    ``statement`` (``ReportingProvider``), ``internal`` (``InternalProvider``), ``by_hand`` (a person confirms:
    nobody is asked until the attempt expires), ``on_delivery`` (the goods leave before the money comes).

    ``statement_kinds`` are the kinds of movement that a statement lists; ``statement_hours`` is how far back it
    reaches, ``None`` for as far as anybody asks. What it cannot list is not missing there.
    """

    currencies: Mapping[str, int]
    minimum: Mapping[str, int] = field(default_factory=dict)
    maximum: Mapping[str, int] = field(default_factory=dict)
    countries: frozenset[str] | None = None
    features: frozenset[str] = frozenset()
    lifetime_minutes: int | None = None
    statement_kinds: frozenset[str] = frozenset({"payment", "refund", "payout"})
    statement_hours: int | None = None


@dataclass(frozen=True, slots=True)
class PaymentAttempt:
    """One attempt to collect ``amount``, as a provider sees it.

    ``id`` is our operation id and the provider's idempotency key; ``code`` is a unique text of at most
    12 characters that the payer may see; ``callback_url`` is unguessable and belongs to this attempt alone;
    ``payer`` holds the validated fields of the provider's ``payer_schema``. ``callback_url`` is empty where no
    answer by a call is awaited. ``asked_at`` is the marketplace's time of this very call.
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
    receipt: str | None = None
    user_id: int = 0
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundAttempt:
    """One attempt to give ``amount`` of a captured payment back to its payer by the way it came.

    ``id`` is the idempotency key; ``payment`` carries the ``reference`` and ``receipt`` of what is refunded.
    ``callback_url`` belongs to this very call (a new one for each question).
    """

    id: UUID
    code: str
    amount: Money
    payment: PaymentAttempt
    callback_url: str
    reference: str | None
    created_at: datetime
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A refund as a payment purpose sees it: how much (``None``: what is left) of which part is to go back.

    ``ends_as`` is the state of a part of which nothing is left, such as ``refunded`` or ``cancelled``.
    """

    id: UUID
    payment_id: UUID
    reference: str
    order_id: int | None
    minor: int | None
    ends_as: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a payee's money goes: the validated fields of a ``destination_schema``, and the provider's own name of it.

    ``return_url`` is where the payee's browser comes back after an enrolment; ``refresh_url`` where it asks for a
    new link.
    """

    id: UUID
    user_id: int
    email: str
    details: Mapping[str, Any]
    reference: str | None = None
    return_url: str = ""
    refresh_url: str = ""


@dataclass(frozen=True, slots=True)
class Enrollment:
    """What a provider says of a destination: ``active`` (can be paid), ``pending`` or ``rejected``."""

    state: str
    reference: str | None = None
    next_action: NextAction | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PayoutAttempt:
    """One attempt to pay ``amount`` to ``destination``; ``id`` is the idempotency key."""

    id: UUID
    code: str
    amount: Money
    destination: Destination
    callback_url: str
    reference: str | None
    created_at: datetime
    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class DisputeReport:
    """A payer's bank contests a payment. ``state``: ``open``, ``won`` or ``lost`` (from the platform's side).

    ``payment_id`` (ours) or ``payment_reference`` / ``payment_receipt`` (the provider's) says which payment.
    """

    reference: str
    state: str
    amount: Money
    payment_id: UUID | None = None
    payment_reference: str | None = None
    payment_receipt: str | None = None
    reason: str = ""
    due_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement in a provider's books. ``kind``: ``payment``, ``refund`` or ``payout``.

    ``operation_id`` is our id where the provider keeps it; ``amount`` is positive; ``fee`` is what was kept.
    """

    kind: str
    amount: Money
    at: datetime
    reference: str | None = None
    receipt: str | None = None
    operation_id: UUID | None = None
    fee: Money | None = None


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """An inbound call as it came: nothing in it is to be believed yet.

    ``token`` is the SHA-256, in hexadecimal, of the last part of a ``callback_url``; empty where the call came to
    the provider's general address. ``subject`` says what the address was handed out for (``payment``, ``refund``,
    ``payout``), empty where it was not. With ``answering`` that address was handed out for one question (``fetch…``)
    alone, so that its call is the answer to it.
    """

    body: bytes
    headers: Mapping[str, str]
    remote_addr: str
    token: str
    answering: bool = False
    subject: str = ""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event of an inbound call.

    ``dedupe_key`` is unique per true event; ``subject`` says what it is about: ``payment``, ``refund``, ``payout``,
    ``dispute``, ``destination`` or ``other`` (acknowledged and kept, without effect). ``attempt_id`` (our id) or
    ``reference`` (the provider's) says whose it is. With ``trusted`` (the provider signs, or the call answers a
    question of ours) ``result``, ``dispute`` or ``enrollment`` is applied; otherwise the event is a hint and the
    core asks.
    """

    dedupe_key: str
    kind: str
    attempt_id: UUID | None = None
    reference: str | None = None
    trusted: bool = False
    result: ProviderResult | None = None
    subject: str = "payment"
    dispute: DisputeReport | None = None
    enrollment: Enrollment | None = None


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
    """A provider that can give money back; it declares the feature ``refund``, and ``partial_refund`` if it can.

    ``SUCCEEDED`` needs an ``amount``, as for payments; ``RETURNED`` says that a refund reported as done failed.
    """

    def refund(self, refund: RefundAttempt) -> ProviderResult:
        """Give back ``refund.amount``."""
        ...

    def fetch_refund(self, refund: RefundAttempt) -> ProviderResult:
        """Ask for the truth about a refund; safe to repeat. ``UNKNOWN`` where the answer comes as a call."""
        ...


class InternalProvider(PaymentProvider, Protocol):
    """A provider within the marketplace, such as a wallet; it declares the feature ``internal``.

    Nothing leaves the machine, so both methods run inside the transaction; ``start`` and ``fetch`` are never called.
    They move money to or from the account ``provider_clearing(name, currency)``.
    """

    def collect(self, request: Any, attempt: PaymentAttempt) -> ProviderResult:
        """Take ``attempt.amount`` from the payer (``attempt.user_id``)."""
        ...

    def give_back(self, request: Any, refund: RefundAttempt) -> ProviderResult:
        """Return ``refund.amount`` to the payer of ``refund.payment``."""
        ...


class ReportingProvider(PaymentProvider, Protocol):
    """A provider that lists what it has done; it declares the feature ``statement``."""

    def statement(self, since: datetime, until: datetime) -> Iterable[StatementLine]:
        """Return every movement from ``since`` up to, not including, ``until``."""
        ...


class PayoutProvider(Protocol):
    """The integration that pays people out; an object may be a ``PaymentProvider`` as well.

    The same rules hold: no database, no retry of a POST that may have been carried out.
    """

    name: str
    title: str
    payout_capabilities: Capabilities
    destination_schema: Any  # a colander schema of what the payee must give
    webhook_slug: str

    def enroll(self, destination: Destination) -> Enrollment:
        """Make a destination known to the provider; called again until it is ``active``, and for a new link."""
        ...

    def pay_out(self, payout: PayoutAttempt) -> ProviderResult:
        """Pay ``payout.amount``."""
        ...

    def fetch_payout(self, payout: PayoutAttempt) -> ProviderResult:
        """Ask for the truth about a payout; safe to repeat. ``UNKNOWN`` where the answer comes as a call."""
        ...

    def verify(self, call: WebhookRequest) -> bool:
        """As for payments."""
        ...

    def translate(self, call: WebhookRequest) -> Sequence[WebhookEvent]:
        """As for payments."""
        ...

    def acknowledge(self) -> tuple[str, bytes]:
        """As for payments."""
        ...


class PaymentPurpose(Protocol):
    """What a payment is for: a checkout, a wallet recharge, an advertisement's budget.

    All methods run inside the transaction, with the payment's row locked. A purpose may also have
    ``country(request, reference) -> str | None`` (for routing), ``excluded_providers`` (names of those that may not
    collect for it: a wallet does not recharge itself), ``authorized(request, reference, payment_id,
    provider) -> bool`` (goods that leave before the money: the feature ``on_delivery``) and ``given_back(request,
    refund, to) -> int`` (move a ``RefundOrder``'s money to the ledger account ``to`` and return how many minor units;
    a purpose without it cannot be refunded), ``contested(request, reference, dispute_id, minor, to) -> int`` and
    ``settled(request, reference, dispute_id, won) -> None`` (a dispute takes money away, and ends).
    """

    def amount_due(self, request: Any, reference: str, user_id: int) -> Money:
        """Return what ``user_id`` has to pay for ``reference`` now; ``NotFound`` or ``Conflict`` if nothing."""
        ...

    def captured(self, request: Any, reference: str, payment_id: UUID, amount: Money, clearing: UUID) -> bool:
        """Move the money on from the ledger account ``clearing``; ``False``: it cannot be used any more."""
        ...


class SmsProvider(Protocol):
    """The integration that sends text messages."""

    def send(self, number: str, text: str, id: str) -> None:
        """Send ``text``; ``id`` is the same where it is sent again. Raise where a later try may help."""
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
