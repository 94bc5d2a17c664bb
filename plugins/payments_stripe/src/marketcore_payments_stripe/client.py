"""Speak to Stripe through its own SDK: one method per call, plain documents back, and every error told apart.

The SDK sends a call again under the same idempotency key when no answer came. What decides here is all of these tries
together: only if none of them can have reached Stripe has nothing happened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from ssl import SSLCertVerificationError
from typing import Any

import requests
import stripe
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError, SSLError

from marketcore_payments_stripe.errors import NotSent, Refused, StripeTrouble, Unclear

API_VERSION = "2026-10-28.endive"

#: One object as Stripe shows it.
Document = dict[str, Any]

_CONNECTIONS = 32
_PAGE = 100
# Stripe turns these away before it looks at what is asked.
_AT_THE_DOOR = (stripe.AuthenticationError, stripe.PermissionError, stripe.RateLimitError)
# Somebody else's error page, a fault of Stripe's, or another request with the same key.
_NO_VERDICT = (stripe.APIError, stripe.IdempotencyError)
_ACCOUNT_PARTS = ["configuration.recipient", "requirements"]


class StripeGateway:
    """The calls this plugin makes; safe to share between threads.

    ``base_url`` is the API's address. Timeouts are in seconds and hold for each of the ``1 + retries`` tries. Every
    method returns a ``Document`` or raises ``NotSent``, ``Refused`` or ``Unclear``.
    """

    def __init__(
        self, base_url: str, api_key: str, *, connect_seconds: int = 5, read_seconds: int = 10, retries: int = 2
    ) -> None:
        self._address = base_url
        self._secret = api_key
        self._wire = _Wire()
        self._stripe = stripe.StripeClient(
            api_key,
            base_addresses={"api": base_url},
            stripe_version=API_VERSION,
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=(connect_seconds, read_seconds), session=self._wire),
        )

    def __repr__(self) -> str:
        return f"StripeGateway({self._address!r})"

    def close(self) -> None:
        """Close the connections kept open."""
        self._wire.close()

    def create_session(self, body: Mapping[str, Any], key: str) -> Document:
        """Open a Checkout Session."""
        return self._do(self._stripe.v1.checkout.sessions.create, body, _under(key))

    def read_session(self, session_id: str) -> Document:
        """Return a session with its PaymentIntent."""
        return self._do(self._stripe.v1.checkout.sessions.retrieve, session_id, {"expand": ["payment_intent"]})

    def expire_session(self, session_id: str) -> Document:
        """Close an open session; ``Refused`` if it is no longer open."""
        return self._do(self._stripe.v1.checkout.sessions.expire, session_id)

    def sessions(self, since: datetime, until: datetime) -> Iterator[Document]:
        """Return the sessions opened in that time, newest first."""
        return self._every(self._stripe.v1.checkout.sessions.list, _created(since, until))

    def create_intent(self, body: Mapping[str, Any], key: str) -> Document:
        """Make a PaymentIntent."""
        return self._do(self._stripe.v1.payment_intents.create, body, _under(key))

    def read_intent(self, intent_id: str) -> Document:
        """Return a PaymentIntent."""
        return self._do(self._stripe.v1.payment_intents.retrieve, intent_id)

    def cancel_intent(self, intent_id: str) -> Document:
        """Give up a PaymentIntent; ``Refused`` if it was paid, or given up before."""
        return self._do(self._stripe.v1.payment_intents.cancel, intent_id, {"cancellation_reason": "abandoned"})

    def intents(self, since: datetime, until: datetime) -> Iterator[Document]:
        """Return the PaymentIntents made in that time, newest first."""
        return self._every(self._stripe.v1.payment_intents.list, _created(since, until))

    def create_refund(self, body: Mapping[str, Any], key: str) -> Document:
        """Give money of a PaymentIntent back."""
        return self._do(self._stripe.v1.refunds.create, body, _under(key))

    def read_refund(self, refund_id: str) -> Document:
        """Return a refund."""
        return self._do(self._stripe.v1.refunds.retrieve, refund_id)

    def refunds_of(self, intent_id: str) -> Iterator[Document]:
        """Return the refunds of a PaymentIntent, newest first."""
        return self._every(self._stripe.v1.refunds.list, {"payment_intent": intent_id})

    def create_transfer(self, body: Mapping[str, Any], key: str) -> Document:
        """Move money from the platform's balance to a connected account."""
        return self._do(self._stripe.v1.transfers.create, body, _under(key))

    def read_transfer(self, transfer_id: str) -> Document:
        """Return a transfer."""
        return self._do(self._stripe.v1.transfers.retrieve, transfer_id)

    def transfers_of(self, group: str) -> Iterator[Document]:
        """Return the transfers of a transfer group."""
        return self._every(self._stripe.v1.transfers.list, {"transfer_group": group})

    def create_account(self, body: Mapping[str, Any], key: str) -> Document:
        """Open a connected account (v2)."""
        return self._do(self._stripe.v2.core.accounts.create, {**body, "include": _ACCOUNT_PARTS}, _under(key))

    def read_account(self, account_id: str) -> Document:
        """Return a connected account (v2) with what it may do and what it lacks."""
        return self._do(self._stripe.v2.core.accounts.retrieve, account_id, {"include": _ACCOUNT_PARTS})

    def create_account_link(self, body: Mapping[str, Any]) -> Document:
        """Make a link to Stripe's onboarding pages: good once, for some minutes."""
        return self._do(self._stripe.v2.core.account_links.create, body)

    def movements(self, since: datetime, until: datetime) -> Iterator[Document]:
        """Return what moved on the platform's balance in that time, newest first, each with its ``source``."""
        wanted = {**_created(since, until), "expand": ["data.source"]}
        return self._every(self._stripe.v1.balance_transactions.list, wanted)

    def _do(self, call: Callable[..., Any], *arguments: Any) -> Document:
        self._wire.begin()
        try:
            return _plain(call(*arguments))
        except stripe.StripeError as error:
            # "from None": the SDK's exceptions hold the exchange with its headers.
            raise self._trouble(error) from None

    def _every(self, call: Callable[..., Any], params: Mapping[str, Any]) -> Iterator[Document]:
        """Return every object of a list, page by page."""
        after: dict[str, str] = {}
        while True:
            page = self._do(call, {**params, "limit": _PAGE, **after})
            yield from page["data"]
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def _trouble(self, error: stripe.StripeError) -> StripeTrouble:
        code, message = _code(error), self._shown(error)
        if isinstance(error, (stripe.APIConnectionError, *_AT_THE_DOOR)):
            return (Unclear if self._wire.in_doubt else NotSent)(code, message)
        if isinstance(error, _NO_VERDICT) or not 400 <= (error.http_status or 0) < 500:
            return Unclear(code, message)
        return Refused(code, message, str(getattr(error, "param", "") or ""))

    def _shown(self, error: stripe.StripeError) -> str:
        words = f"{error.http_status or 'no answer'} {error.request_id or ''} {error.user_message or ''}"
        if isinstance(error, stripe.APIConnectionError):
            words = f"no answer: {type(error.__cause__).__name__}"
        return " ".join(words.replace(self._secret, "***").split())[:300]


class _Wire(requests.Session):
    """The connections, and for each thread whether a try of its current call may have been carried out."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # neither proxies nor credentials of the environment
        self.mount("https://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
        self.mount("http://", HTTPAdapter(pool_maxsize=_CONNECTIONS))
        self._calls = threading.local()

    @property
    def in_doubt(self) -> bool:
        """Whether some try of this thread's call may have had its effect."""
        doubt: bool = self._calls.doubt
        return doubt

    def begin(self) -> None:
        """Begin another call."""
        self._calls.doubt = False

    def request(self, *arguments: Any, **options: Any) -> requests.Response:
        """Send one try. A redirect is an error: the API has none."""
        try:
            response = super().request(*arguments, **{**options, "allow_redirects": False})
        except Exception as error:
            self._calls.doubt |= not _never_connected(error)
            raise
        # 409: another request with the same key is being carried out right now.
        self._calls.doubt |= response.status_code >= 500 or response.status_code == 409
        return response


def _never_connected(error: Exception) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    unverified = isinstance(reason, SSLError) and any(isinstance(a, SSLCertVerificationError) for a in reason.args)
    return unverified or isinstance(reason, NewConnectionError)


def _plain(found: Any) -> Document:
    document: Document = found.to_dict()
    if not isinstance(document.get("object"), str):
        raise Unclear("strange_answer", "what answered is not Stripe: its answer is no object")
    return document


def _under(key: str) -> dict[str, str]:
    return {"idempotency_key": key}


def _created(since: datetime, until: datetime) -> dict[str, Any]:
    return {"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}}


def _code(error: stripe.StripeError) -> str:
    """Return the most telling code: why the bank declined, else what Stripe calls it, else the kind of error."""
    body: Any = error.json_body if isinstance(error.json_body, dict) else {}
    told: Any = body.get("error") if isinstance(body.get("error"), dict) else {}
    return str(told.get("decline_code") or error.code or told.get("type") or type(error).__name__)
