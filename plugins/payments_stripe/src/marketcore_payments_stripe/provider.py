"""Stripe as a provider of payments and of payouts."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import colander

from marketcore.exceptions import ConfigurationError
from marketcore.interfaces import (
    Capabilities,
    Destination,
    Enrollment,
    PaymentAttempt,
    PayoutAttempt,
    ProviderResult,
    RefundAttempt,
    StatementLine,
    WebhookEvent,
    WebhookRequest,
)
from marketcore_payments_stripe.client import StripeGateway
from marketcore_payments_stripe.currencies import LEAST, MOST, PAYOUT_STEPS, STEPS
from marketcore_payments_stripe.events import read_event
from marketcore_payments_stripe.payments import Collecting
from marketcore_payments_stripe.payouts import PayingOut
from marketcore_payments_stripe.refunds import Refunding
from marketcore_payments_stripe.signatures import is_signed
from marketcore_payments_stripe.statements import statement

_THANKS = b'{"received":true}'
_LIVE, _TEST = ("sk_live_", "rk_live_"), ("sk_test_", "rk_test_")


class StripePayer(colander.MappingSchema):
    """Nothing: the payer gives everything to Stripe."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "raise"


class StripePayee(colander.MappingSchema):
    """Where the seller does business; Stripe asks for all else."""

    country = colander.SchemaNode(
        colander.String(), validator=colander.Regex(r"\A[A-Z]{2}\Z", "must be a country code such as KE")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "raise"


class StripeProvider:
    """Collects by Stripe's payment page (or the client's form), gives back, and pays sellers by transfer.

    Money is collected to the platform and passed on later (separate charges and transfers), so that one payment may
    be for several sellers and be held until delivery. ``secrets`` are those of all webhook endpoints.
    """

    name = "stripe"
    title = "Card (Stripe)"
    webhook_slug = "stripe"
    payer_schema = StripePayer()
    destination_schema = StripePayee()

    def __init__(
        self,
        gateway: StripeGateway,
        *,
        secrets: Sequence[str],
        mode: str = "checkout",
        lifetime: timedelta = timedelta(minutes=60),
        description: str = "Order",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._gateway = gateway
        self._secrets = tuple(secrets)
        self._clock = clock
        self._collecting = Collecting(gateway, mode=mode, lifetime=lifetime, description=description)
        self._refunding = Refunding(gateway, self._collecting)
        self._paying_out = PayingOut(gateway)
        self.capabilities = Capabilities(
            currencies=STEPS,
            minimum=LEAST,
            maximum=MOST,
            features=frozenset({"refund", "partial_refund", "statement"}),
            lifetime_minutes=int(lifetime / timedelta(minutes=1)),
        )
        self.payout_capabilities = Capabilities(currencies=PAYOUT_STEPS, maximum=MOST)

    def __repr__(self) -> str:
        return f"StripeProvider({self._gateway!r})"

    def close(self) -> None:
        """Close the connections kept open."""
        self._gateway.close()

    def start(self, attempt: PaymentAttempt) -> ProviderResult:
        """Begin to collect; what the payer has to do is in ``next_action``."""
        return self._collecting.start(attempt)

    def fetch(self, attempt: PaymentAttempt) -> ProviderResult:
        """Ask how an attempt stands; one whose time is over is closed, unless its payer was quicker."""
        return self._collecting.fetch(attempt)

    def refund(self, refund: RefundAttempt) -> ProviderResult:
        """Give money back."""
        return self._refunding.refund(refund)

    def fetch_refund(self, refund: RefundAttempt) -> ProviderResult:
        """Ask how a refund stands."""
        return self._refunding.fetch(refund)

    def enroll(self, destination: Destination) -> Enrollment:
        """Open a connected account and lead the seller to Stripe's pages until it can be paid."""
        return self._paying_out.enroll(destination)

    def pay_out(self, payout: PayoutAttempt) -> ProviderResult:
        """Transfer to the seller's connected account."""
        return self._paying_out.pay_out(payout)

    def fetch_payout(self, payout: PayoutAttempt) -> ProviderResult:
        """Ask how a transfer stands."""
        return self._paying_out.fetch(payout)

    def statement(self, since: datetime, until: datetime) -> Iterable[StatementLine]:
        """Return what moved on the platform's balance; a call that fails raises ``StripeTrouble``."""
        return statement(self._gateway, since, until)

    def verify(self, call: WebhookRequest) -> bool:
        """Whether Stripe signed the call, within five minutes of now."""
        headers = {name.lower(): value for name, value in call.headers.items()}
        return is_signed(call.body, headers.get("stripe-signature", ""), self._secrets, self._clock())

    def translate(self, call: WebhookRequest) -> Sequence[WebhookEvent]:
        """Read the one event of a call."""
        return [read_event(call.body)]

    def acknowledge(self) -> tuple[str, bytes]:
        """Return thanks; any 2xx will do."""
        return "application/json", _THANKS


def build_provider(settings: Mapping[str, Any], environment: str) -> StripeProvider:
    """Return the provider that ``payments_stripe.*`` describe; ``ConfigurationError`` names what is wrong."""
    local = _is_loopback(_checked_address(settings["base_url"]))
    _check_key(settings["api_key"], environment, local)
    _check_secrets(settings["webhook_secrets"])
    gateway = StripeGateway(
        settings["base_url"].rstrip("/"),
        settings["api_key"],
        connect_seconds=settings["connect_seconds"],
        read_seconds=settings["read_seconds"],
        retries=settings["retries"],
    )
    return StripeProvider(
        gateway,
        secrets=settings["webhook_secrets"],
        mode=settings["mode"],
        lifetime=timedelta(minutes=settings["session_minutes"]),
        description=settings["description"],
    )


def _check_key(key: str, environment: str, local: bool) -> None:
    """Refuse a key that is none, and one that moves real money, or none, where the opposite is expected."""
    if not key.startswith(_LIVE + _TEST):
        raise ConfigurationError(
            "payments_stripe.api_key is no secret key: take the one that begins with sk_ or rk_ from Stripe's dashboard"
        )
    if key.startswith(_LIVE) and (environment == "development" or local):
        where = "a loopback address" if local else "marketcore.environment = development"
        raise ConfigurationError(
            f"payments_stripe.api_key is a live key, which moves real money, used with {where}: take a test key"
        )
    if key.startswith(_TEST) and environment == "production" and not local:
        raise ConfigurationError(
            "payments_stripe.api_key is a test key, which collects nothing, in production: take the live key, "
            "or set marketcore.environment = development"
        )


def _check_secrets(secrets: Sequence[str]) -> None:
    for place, secret in enumerate(secrets, 1):
        if not secret.startswith("whsec_") or len(secret) < 16:
            raise ConfigurationError(
                f"payments_stripe.webhook_secrets: entry {place} of {len(secrets)} is no signing secret; "
                "each begins with whsec_ and is shown with its endpoint in Stripe's dashboard"
            )


def _checked_address(base_url: str) -> str:
    """Return the host of an address the key may be sent to."""
    parts = urlsplit(base_url)
    shown = base_url.rpartition("@")[2]
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ConfigurationError(f"payments_stripe.base_url = {shown!r} is not a plain http(s) address; correct it")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigurationError(f"payments_stripe.base_url = {shown!r} would send the key in the clear: use https")
    return parts.hostname


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
