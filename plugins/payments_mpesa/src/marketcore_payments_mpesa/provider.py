"""M-Pesa as a payment provider: STK prompts, unsigned callbacks as hints, and the query as the only truth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import colander

from marketcore.exceptions import ConfigurationError
from marketcore.interfaces import (
    Capabilities,
    NextAction,
    Outcome,
    PaymentAttempt,
    ProviderResult,
    WebhookEvent,
    WebhookRequest,
)
from marketcore.money import Money
from marketcore_payments_mpesa.client import DarajaClient, NotAttempted, OutcomeUnknown, Rejected
from marketcore_payments_mpesa.numbers import StkCallback, classify_result, normalise_msisdn, parse_stk_callback

_OUTCOME = {
    "paid": Outcome.SUCCEEDED,
    "failed": Outcome.DECLINED,
    "cancelled": Outcome.DECLINED,
    "expired": Outcome.EXPIRED,
    "pending": Outcome.PENDING,
    "unknown": Outcome.UNKNOWN,
}
_REASONS = {
    "1": "insufficient_funds",
    "17": "duplicate_request",
    "1019": "expired",
    "1032": "cancelled_by_payer",
    "1037": "payer_unreachable",
    "2001": "wrong_pin",
}
_ACCEPTED = b'{"ResultCode":0,"ResultDesc":"Accepted"}'


class Msisdn(colander.SchemaType):
    """A Safaricom number, however people write it."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return it as ``2547XXXXXXXX``."""
        if cstruct is colander.null:
            return colander.null
        try:
            return normalise_msisdn(cstruct if isinstance(cstruct, str) else "")
        except ValueError as error:
            raise colander.Invalid(node, str(error)) from None


class MpesaPayer(colander.MappingSchema):
    """Who gets the prompt."""

    phone = colander.SchemaNode(Msisdn())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "raise"


class MpesaProvider:
    """Collects whole shillings by M-Pesa Express (STK push).

    Daraja signs nothing: a callback only says that it is time to ask. It knows no idempotency key either, so a push
    is never repeated; an answer that got lost is clarified by the callback's path, which belongs to one attempt.
    """

    name = "mpesa"
    title = "M-Pesa"
    webhook_slug = "stk"  # Daraja refuses addresses with its own name in them
    payer_schema = MpesaPayer()

    def __init__(self, client: DarajaClient, *, maximum_kes: int, description: str) -> None:
        self._client = client
        self._description = description
        self.capabilities = Capabilities(
            currencies={"KES": 100},
            minimum={"KES": 100},
            maximum={"KES": maximum_kes * 100},
            countries=frozenset({"KE"}),
        )

    def start(self, attempt: PaymentAttempt) -> ProviderResult:
        """Send one prompt to the payer's telephone."""
        try:
            accepted = self._client.stk_push(
                attempt.amount.minor // 100,
                attempt.payer["phone"],
                attempt.code,
                self._description,
                attempt.callback_url,
            )
        except NotAttempted as error:
            return ProviderResult(Outcome.NOT_ATTEMPTED, reason="not_attempted", detail=str(error))
        except Rejected as error:
            return ProviderResult(Outcome.DECLINED, reason="rejected", detail=str(error))
        except OutcomeUnknown as error:
            return ProviderResult(Outcome.UNKNOWN, detail=str(error))
        prompt = NextAction("phone_prompt", {"phone": attempt.payer["phone"]})
        return ProviderResult(Outcome.PENDING, reference=accepted.checkout_request_id, next_action=prompt)

    def fetch(self, attempt: PaymentAttempt) -> ProviderResult:
        """Query the prompt; a success is of the amount that was prompted, which the payer cannot change."""
        if attempt.reference is None:
            return ProviderResult(Outcome.UNKNOWN, detail="the push was never answered, so there is nothing to query")
        try:
            status = self._client.stk_query(attempt.reference)
        except (NotAttempted, OutcomeUnknown) as error:
            return ProviderResult(Outcome.UNKNOWN, detail=str(error))
        outcome = _OUTCOME[classify_result(status.result_code)]
        return ProviderResult(
            outcome,
            reference=attempt.reference,
            amount=attempt.amount if outcome is Outcome.SUCCEEDED else None,
            reason=_reason(status.result_code) if outcome in (Outcome.DECLINED, Outcome.EXPIRED) else None,
            detail=f"{status.result_code}: {status.result_desc}",
        )

    def verify(self, call: WebhookRequest) -> bool:
        """Let every call in as a hint: there is no signature to check."""
        return bool(call.token)

    def translate(self, call: WebhookRequest) -> Sequence[WebhookEvent]:
        """Read one STK callback. The body's hash is part of its key, so a forgery cannot take the true one's place."""
        callback = parse_stk_callback(call.body)
        digest = hashlib.sha256(call.body).hexdigest()[:32]
        return [
            WebhookEvent(
                dedupe_key=f"{callback.checkout_request_id}:{call.token[:16]}:{digest}",
                kind="stk_callback",
                reference=callback.checkout_request_id,
                result=_claimed(callback),
            )
        ]

    def acknowledge(self) -> tuple[str, bytes]:
        """Return Daraja's usual thanks; any 2xx will do."""
        return "application/json", _ACCEPTED


def _claimed(callback: StkCallback) -> ProviderResult:
    return ProviderResult(
        _OUTCOME[classify_result(callback.result_code)],
        reference=callback.checkout_request_id,
        receipt=callback.receipt,
        amount=_kes(callback.amount),
        reason=_reason(callback.result_code),
    )


def _kes(amount: Decimal | None) -> Money | None:
    if amount is None or amount * 100 != int(amount * 100):
        return None
    return Money(int(amount * 100), "KES")


def _reason(code: str | None) -> str:
    return _REASONS.get(str(code), f"mpesa_{code}")


def build_provider(settings: Mapping[str, Any]) -> MpesaProvider:
    """Return the provider that ``payments_mpesa.*`` describe; ``ConfigurationError`` names what is wrong."""
    try:
        client = DarajaClient(
            settings["base_url"],
            settings["consumer_key"],
            settings["consumer_secret"],
            settings["shortcode"],
            settings["passkey"],
            transaction_type=settings["transaction_type"],
            party_b=settings["till"] or None,
            max_amount_kes=settings["maximum_kes"],
        )
    except ValueError as error:
        raise ConfigurationError(f"payments_mpesa: {error}") from None
    return MpesaProvider(client, maximum_kes=settings["maximum_kes"], description=settings["description"])
