"""Speak to Safaricom's Daraja gateway: STK push and query, payouts, status, reversals, paybill registration.

Nothing is ever sent twice: Daraja has no idempotency key for a push or a reversal, so a second push is a second
prompt on the payer's phone. A payout has one, and a second payout under it is refused (AlreadySubmitted).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from marketcore_payments_mpesa import orders
from marketcore_payments_mpesa.connection import Answer, Connection, Transport, aware
from marketcore_payments_mpesa.credentials import Initiator
from marketcore_payments_mpesa.errors import AlreadySubmitted, DarajaError, NotAttempted, OutcomeUnknown, Rejected
from marketcore_payments_mpesa.numbers import opaque_reference, result_code
from marketcore_payments_mpesa.orders import TRANSACTION_TYPES
from marketcore_payments_mpesa.pulling import PaymentList

__all__ = [
    "PRODUCTION_URL",
    "SANDBOX_URL",
    "TRANSACTION_TYPES",
    "Accepted",
    "AlreadySubmitted",
    "DarajaClient",
    "DarajaError",
    "Initiator",
    "NotAttempted",
    "OutcomeUnknown",
    "PaymentList",
    "Rejected",
    "StkAccepted",
    "StkStatus",
]

SANDBOX_URL = "https://sandbox.safaricom.co.ke"
PRODUCTION_URL = "https://api.safaricom.co.ke"

PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"
PAYOUT_PATH = "/mpesa/b2c/v3/paymentrequest"
STATUS_PATH = "/mpesa/transactionstatus/v1/query"
REVERSAL_PATH = "/mpesa/reversal/v1/request"
REGISTER_PATH = "/mpesa/c2b/v2/registerurl"

#: On a push this overloaded code always comes before the prompt; on a query it means that there is no answer.
_OVERLOADED_CODE = "500.001.1001"
_REGISTERED_BEFORE_CODE = "500.003.1001"


@dataclass(frozen=True, slots=True)
class StkAccepted:
    """Daraja's two opaque references of an accepted push; accepted does not mean paid."""

    merchant_request_id: str
    checkout_request_id: str


@dataclass(frozen=True, slots=True)
class StkStatus:
    """One answer to a query: a ResultCode as text ("4999" is in progress), or None when Daraja gave none."""

    result_code: str | None
    result_desc: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """An instruction Daraja will carry out later and report to its ResultURL; accepted does not mean done."""

    conversation_id: str
    originator_conversation_id: str


class DarajaClient:
    """Send prompts, payouts and reversals, and ask after them; safe to share between threads.

    `base_url` is `SANDBOX_URL`, `PRODUCTION_URL` or a loopback address; plain http is refused elsewhere.
    `party_b` is the till number for CustomerBuyGoodsOnline and the shortcode otherwise; `payout_shortcode` is the
    one payouts are made from if it is another. Payouts, status and reversals need an `initiator`. Timeouts are in
    seconds; `read_timeout` also bounds the whole answer. `clock` returns an aware datetime.
    """

    def __init__(
        self,
        base_url: str,
        consumer_key: str,
        consumer_secret: str,
        shortcode: str,
        passkey: str,
        *,
        transaction_type: str = "CustomerPayBillOnline",
        party_b: str | None = None,
        max_amount_kes: int = 250_000,
        initiator: Initiator | None = None,
        payout_shortcode: str | None = None,
        connect_timeout: int = 5,
        read_timeout: int = 20,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        transport: Transport | None = None,
    ) -> None:
        if transaction_type not in TRANSACTION_TYPES:
            raise ValueError(f"transaction_type {transaction_type!r} is not one of {', '.join(TRANSACTION_TYPES)}")
        self._shortcode = _checked_shortcode("shortcode", shortcode)
        self._party_b = _checked_shortcode("party_b", party_b or shortcode)
        self._payout_shortcode = _checked_shortcode("payout_shortcode", payout_shortcode or shortcode)
        self._passkey = passkey
        self._transaction_type = transaction_type
        self._max_amount_kes = max_amount_kes
        self._initiator = initiator
        self._clock = clock
        self._connection = Connection(
            base_url,
            consumer_key,
            consumer_secret,
            secrets=(passkey, initiator.security_credential if initiator else ""),
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            clock=clock,
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"DarajaClient({self._connection.base_url!r}, shortcode={self._shortcode!r})"

    def close(self) -> None:
        """Close the connections kept open."""
        self._connection.close()

    def __enter__(self) -> "DarajaClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stk_push(self, amount_kes: int, phone: str, reference: str, description: str, callback_url: str) -> StkAccepted:
        """Ask Daraja to prompt `phone` for a whole number of KES (M-Pesa Express).

        `reference` (1 to 12 characters) is shown to the payer; `description` has at most 13 characters.
        Raise NotAttempted, Rejected or OutcomeUnknown; one call never sends more than one prompt.
        """
        order = orders.push(amount_kes, phone, reference, description, limit=self._max_amount_kes)
        kind = {"TransactionType": self._transaction_type, "PartyB": self._party_b, "CallBackURL": callback_url}
        answer = self._connection.post(PUSH_PATH, {**self._signature(), **order, **kind})
        if answer.is_error:
            raise self._connection.refusal(answer, early=frozenset({_OVERLOADED_CODE}))
        return StkAccepted(*self._references(answer, "MerchantRequestID", "CheckoutRequestID"))

    def stk_query(self, checkout_request_id: str) -> StkStatus:
        """Ask what became of a prompt; the answer carries no receipt.

        A result_code of None means Daraja gave no answer and must be asked again. Raise OutcomeUnknown for
        everything else that goes wrong: failing to ask says nothing about the payment.
        """
        try:
            question = {**self._signature(), "CheckoutRequestID": checkout_request_id}
            answer = self._connection.post(QUERY_PATH, question)
        except DarajaError as error:
            raise OutcomeUnknown(error.error_code, error.message) from None
        if answer.error_code == _OVERLOADED_CODE:
            return StkStatus(None, self._connection.clean(answer.text("errorMessage")))
        return self._status(answer, checkout_request_id)

    def b2c(
        self,
        amount_kes: int,
        phone: str,
        originator_conversation_id: str,
        remarks: str,
        result_url: str,
        timeout_url: str,
        *,
        command: str = "BusinessPayment",
        occasion: str = "",
    ) -> Accepted:
        """Ask Daraja to pay a whole number of KES (10 to 250,000) to `phone` (Business To Customer, version 3).

        `originator_conversation_id` names the payout for good: Daraja takes it once. `remarks` has 2 to 100
        characters. Raise NotAttempted, Rejected, AlreadySubmitted or OutcomeUnknown.
        """
        order = orders.payout(
            amount_kes, phone, originator_conversation_id, remarks, command=command, occasion=occasion
        )
        parties = {**self._as_initiator("InitiatorName"), "PartyA": self._payout_shortcode}
        return self._instruct(PAYOUT_PATH, {**order, **parties, **_addresses(result_url, timeout_url)})

    def transaction_status(
        self,
        *,
        receipt: str | None = None,
        original_conversation_id: str | None = None,
        remarks: str = "Status",
        result_url: str,
        timeout_url: str,
        of_payout: bool = False,
        occasion: str = "",
    ) -> Accepted:
        """Ask what became of a transaction, named by its receipt or by either id of its conversation.

        `of_payout` asks about the shortcode payouts are made from. The answer comes to `result_url`. Raise
        NotAttempted, Rejected or OutcomeUnknown, none of which says anything about the transaction.
        """
        order = orders.status(receipt, original_conversation_id, remarks, occasion=occasion)
        shortcode = self._payout_shortcode if of_payout else self._shortcode
        parties = {**self._as_initiator("Initiator"), "PartyA": shortcode}
        return self._instruct(STATUS_PATH, {**order, **parties, **_addresses(result_url, timeout_url)})

    def reversal(
        self,
        receipt: str,
        amount_kes: int,
        remarks: str,
        result_url: str,
        timeout_url: str,
        *,
        occasion: str = "",
    ) -> Accepted:
        """Ask Daraja to give a customer's payment back; a payout cannot be reversed.

        There is no key that guards a repetition, so hold a lock of your own. Whether less than the whole amount is
        honoured is not documented. Raise NotAttempted, Rejected or OutcomeUnknown.
        """
        order = orders.reversal(receipt, amount_kes, remarks, occasion=occasion)
        parties = {**self._as_initiator("Initiator"), "ReceiverParty": self._shortcode}
        return self._instruct(REVERSAL_PATH, {**order, **parties, **_addresses(result_url, timeout_url)})

    def register_c2b(self, confirmation_url: str, validation_url: str, *, when_silent: str = "Completed") -> None:
        """Register where paybill payments are confirmed and, if Daraja was asked for that, validated.

        `when_silent` (Completed or Cancelled) is what becomes of a payment when validation does not answer.
        Raise Rejected when addresses were registered before, which production allows once, else as the others do.
        """
        registration = {
            "ShortCode": self._shortcode,
            "ResponseType": when_silent,
            "ConfirmationURL": confirmation_url,
            "ValidationURL": validation_url,
        }
        answer = self._connection.post(REGISTER_PATH, registration)
        if answer.error_code == _REGISTERED_BEFORE_CODE:
            raise Rejected(_REGISTERED_BEFORE_CODE, self._connection.clean(answer.text("errorMessage")))
        if answer.is_error:
            raise self._connection.refusal(answer)
        self._require_accepted(answer)

    def payment_list(self, nominated_number: str, callback_url: str) -> PaymentList:
        """Return the pull service of this shortcode: what was paid to it in the last 48 hours."""
        return PaymentList(self._connection, self._shortcode, nominated_number, callback_url)

    def _signature(self) -> Mapping[str, object]:
        return orders.signature(self._shortcode, self._passkey, aware(self._clock()))

    def _as_initiator(self, name_field: str) -> Mapping[str, object]:
        if self._initiator is None:
            raise NotAttempted("no_initiator", "no initiator is set; give the client an Initiator")
        return {name_field: self._initiator.name, "SecurityCredential": self._initiator.security_credential}

    def _instruct(self, path: str, order: Mapping[str, object]) -> Accepted:
        answer = self._connection.post(path, order)
        if answer.is_error:
            raise self._connection.refusal(answer)
        return Accepted(*self._references(answer, "ConversationID", "OriginatorConversationID"))

    def _references(self, answer: Answer, *names: str) -> tuple[str, ...]:
        """Return the references an acceptance must carry; raise Rejected or OutcomeUnknown where it does not."""
        self._require_accepted(answer)
        try:
            return tuple(opaque_reference((answer.document or {}).get(name), name) for name in names)
        except ValueError as error:
            raise OutcomeUnknown("incomplete_answer", str(error)) from None

    def _require_accepted(self, answer: Answer) -> None:
        try:
            code = result_code((answer.document or {}).get("ResponseCode"))
        except ValueError as error:
            raise OutcomeUnknown("incomplete_answer", str(error)) from None
        if code != "0":
            clean = self._connection.clean
            raise Rejected(clean(code), clean(answer.text("ResponseDescription")))

    def _status(self, answer: Answer, checkout_request_id: str) -> StkStatus:
        if answer.is_error:
            refusal = self._connection.refusal(answer)
            raise OutcomeUnknown(refusal.error_code, refusal.message)
        if answer.text("ResponseCode") != "0" or answer.text("CheckoutRequestID") != checkout_request_id:
            raise OutcomeUnknown("incomplete_answer", "the answer to the query is not about the prompt asked for")
        try:
            code = result_code((answer.document or {}).get("ResultCode"))
        except ValueError as error:
            raise OutcomeUnknown("incomplete_answer", str(error)) from None
        return StkStatus(code, self._connection.clean(answer.text("ResultDesc")))


def _addresses(result_url: str, timeout_url: str) -> Mapping[str, object]:
    return {"ResultURL": result_url, "QueueTimeOutURL": timeout_url}


def _checked_shortcode(name: str, value: str) -> str:
    if not (value.isascii() and value.isdigit() and 5 <= len(value) <= 7):
        raise ValueError(f"{name} {value!r} is not 5 to 7 digits")
    return value
