"""Speak to Safaricom's Daraja gateway: OAuth, STK push and STK query.

The only module of this plugin that imports httpx. Nothing is ever sent twice on its own account: Daraja
has no idempotency key, so a second push is a second prompt on the payer's phone.
"""

import base64
import ipaddress
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx

from marketcore_payments_mpesa.numbers import (
    NAIROBI,
    load_json,
    normalise_msisdn,
    opaque_reference,
    result_code,
)

SANDBOX_URL = "https://sandbox.safaricom.co.ke"
PRODUCTION_URL = "https://api.safaricom.co.ke"

TOKEN_PATH = "/oauth/v1/generate"  # noqa: S105
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"

TRANSACTION_TYPES = ("CustomerPayBillOnline", "CustomerBuyGoodsOnline")
LONGEST_REFERENCE = 12
LONGEST_DESCRIPTION = 13

_REFRESH_EARLY = timedelta(seconds=60)
_LARGEST_ANSWER = 64 * 1024
_TOKEN = re.compile(r"[!-~]{1,4096}")
#: Keys, tokens and base64 passwords are long unbroken runs; gateway text quoted in a log has no need of any.
_SECRET_LIKE = re.compile(r"[A-Za-z0-9+/=_.-]{24,}")

#: Refusals that come before anything is done, whatever the HTTP status.
_NOT_ATTEMPTED_CODES = frozenset({"500.001.1001", "500.003.02", "500.003.03"})
_STALE_TOKEN_CODES = frozenset({"404.001.03", "400.003.01"})
_NO_ANSWER_CODE = "500.001.1001"


class DarajaError(Exception):
    """Carry Daraja's `error_code` (or our own word for it) and a `message` for logs, free of secrets."""

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(f"{error_code}: {message}")
        self.error_code = error_code
        self.message = message


class NotAttempted(DarajaError):
    """Say that no prompt was sent: the request never left, or was refused before anything was done."""


class Rejected(DarajaError):
    """Say that Daraja took the request and declined it: an answer with a ResponseCode other than 0."""


class OutcomeUnknown(DarajaError):
    """Say that a prompt may or may not exist; reconcile, never send again."""


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
class _Answer:
    status: int
    document: Mapping[str, object] | None
    """The JSON object that came, or None when something else did."""

    @property
    def error_code(self) -> str | None:
        code = (self.document or {}).get("errorCode")
        return code if isinstance(code, str) else None

    @property
    def refuses_token(self) -> bool:
        code = self.error_code or ""
        return self.status == 401 or code in _STALE_TOKEN_CODES or code.startswith("401.")

    def text(self, name: str) -> str:
        """Return a text member, or "" when it is missing or something else."""
        value = (self.document or {}).get(name)
        return value if isinstance(value, str) else ""


class DarajaClient:
    """Send STK prompts and ask after them; safe to share between threads.

    `base_url` is `SANDBOX_URL`, `PRODUCTION_URL` or a loopback address; plain http is refused elsewhere.
    `party_b` is the till number for CustomerBuyGoodsOnline and the shortcode otherwise. Timeouts are in
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
        connect_timeout: int = 5,
        read_timeout: int = 20,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if transaction_type not in TRANSACTION_TYPES:
            raise ValueError(f"transaction_type {transaction_type!r} is not one of {', '.join(TRANSACTION_TYPES)}")
        self._base_url = _checked_base_url(base_url)
        self._basic = (consumer_key, consumer_secret)
        self._shortcode = _checked_shortcode("shortcode", shortcode)
        self._party_b = _checked_shortcode("party_b", party_b or shortcode)
        self._passkey = passkey
        self._transaction_type = transaction_type
        self._max_amount_kes = max_amount_kes
        self._read_timeout = read_timeout
        self._clock = clock
        self._token = _Token(self._fetch_token, clock)
        self._http = httpx.Client(
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout),
            transport=transport,
            follow_redirects=False,
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"DarajaClient({self._base_url!r}, shortcode={self._shortcode!r})"

    def close(self) -> None:
        """Close the connections kept open."""
        self._http.close()

    def __enter__(self) -> "DarajaClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stk_push(self, amount_kes: int, phone: str, reference: str, description: str, callback_url: str) -> StkAccepted:
        """Ask Daraja to prompt `phone` for a whole number of KES (M-Pesa Express).

        `reference` (1 to 12 characters) is shown to the payer; `description` has at most 13 characters.
        Raise NotAttempted, Rejected or OutcomeUnknown; one call never sends more than one prompt.
        """
        order = self._push_order(amount_kes, phone, reference, description)
        answer = self._post(PUSH_PATH, {**self._signature(), **order, "CallBackURL": callback_url})
        if answer.document is None or answer.error_code is not None or answer.status != 200:
            raise self._refusal(answer)
        return self._accepted(answer)

    def stk_query(self, checkout_request_id: str) -> StkStatus:
        """Ask what became of a prompt; the answer carries no receipt.

        A result_code of None means Daraja gave no answer and must be asked again. Raise OutcomeUnknown for
        everything else that goes wrong: failing to ask says nothing about the payment.
        """
        try:
            answer = self._post(QUERY_PATH, {**self._signature(), "CheckoutRequestID": checkout_request_id})
        except DarajaError as error:
            raise OutcomeUnknown(error.error_code, error.message) from None
        if answer.error_code == _NO_ANSWER_CODE:
            return StkStatus(None, self._clean(answer.text("errorMessage")))
        return self._status(answer, checkout_request_id)

    def _push_order(self, amount_kes: int, phone: str, reference: str, description: str) -> dict[str, object]:
        self._check_order(amount_kes, reference, description)
        msisdn = _msisdn(phone)
        order: dict[str, object] = {
            "TransactionType": self._transaction_type,
            "Amount": amount_kes,
            "PartyA": msisdn,
            "PartyB": self._party_b,
            "PhoneNumber": msisdn,
            "AccountReference": reference,
        }
        return {**order, "TransactionDesc": description} if description else order

    def _check_order(self, amount_kes: int, reference: str, description: str) -> None:
        whole = isinstance(amount_kes, int) and not isinstance(amount_kes, bool)
        if not whole or not 1 <= amount_kes <= self._max_amount_kes:
            limit = self._max_amount_kes
            raise NotAttempted("invalid_amount", f"{amount_kes!r} is not a whole number of KES from 1 to {limit}")
        if not 1 <= len(reference) <= LONGEST_REFERENCE:
            raise NotAttempted("invalid_reference", f"{reference!r} is not 1 to {LONGEST_REFERENCE} characters")
        if len(description) > LONGEST_DESCRIPTION:
            raise NotAttempted("invalid_description", f"{description!r} exceeds {LONGEST_DESCRIPTION} characters")

    def _signature(self) -> dict[str, object]:
        timestamp = _aware(self._clock()).astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")
        password = base64.b64encode(f"{self._shortcode}{self._passkey}{timestamp}".encode()).decode("ascii")
        return {"BusinessShortCode": self._shortcode, "Password": password, "Timestamp": timestamp}

    def _accepted(self, answer: _Answer) -> StkAccepted:
        document = answer.document or {}
        try:
            code = result_code(document.get("ResponseCode"))
            if code == "0":
                return StkAccepted(
                    opaque_reference(document.get("MerchantRequestID"), "MerchantRequestID"),
                    opaque_reference(document.get("CheckoutRequestID"), "CheckoutRequestID"),
                )
        except ValueError as error:
            raise OutcomeUnknown("incomplete_answer", str(error)) from None
        raise Rejected(self._clean(code), self._clean(answer.text("ResponseDescription")))

    def _status(self, answer: _Answer, checkout_request_id: str) -> StkStatus:
        if answer.document is None or answer.error_code is not None or answer.status != 200:
            refusal = self._refusal(answer)
            raise OutcomeUnknown(refusal.error_code, refusal.message)
        if answer.text("ResponseCode") != "0" or answer.text("CheckoutRequestID") != checkout_request_id:
            raise OutcomeUnknown("incomplete_answer", "the answer to the query is not about the prompt asked for")
        try:
            code = result_code(answer.document.get("ResultCode"))
        except ValueError as error:
            raise OutcomeUnknown("incomplete_answer", str(error)) from None
        return StkStatus(code, self._clean(answer.text("ResultDesc")))

    def _refusal(self, answer: _Answer) -> DarajaError:
        """Return the error an answer amounts to; only a refusal known to precede the work is NotAttempted."""
        code = answer.error_code
        message = self._clean(answer.text("errorMessage")) or f"HTTP {answer.status}"
        if answer.status == 429 or code in _NOT_ATTEMPTED_CODES or answer.refuses_token:
            return NotAttempted(self._clean(code or f"http_{answer.status}"), message)
        if code is not None and code.startswith(("400.", "404.", "405.")) and 400 <= answer.status < 500:
            return NotAttempted(self._clean(code), message)
        return OutcomeUnknown(self._clean(code or f"http_{answer.status}"), message)

    def _post(self, path: str, order: Mapping[str, object]) -> _Answer:
        token = self._token.value()
        answer = self._exchange("POST", path, json=order, headers={"Authorization": f"Bearer {token}"})
        if not answer.refuses_token:
            return answer
        self._token.discard(token)
        headers = {"Authorization": f"Bearer {self._token.value()}"}
        return self._exchange("POST", path, json=order, headers=headers)

    def _fetch_token(self) -> tuple[str, int]:
        params = {"grant_type": "client_credentials"}
        try:
            answer = self._exchange("GET", TOKEN_PATH, params=params, auth=self._basic)
        except OutcomeUnknown as error:
            raise NotAttempted(error.error_code, f"no access token: {error.message}") from None
        token, lifetime = answer.text("access_token"), _seconds((answer.document or {}).get("expires_in"))
        if answer.status != 200 or not _TOKEN.fullmatch(token) or lifetime is None:
            refusal = self._refusal(answer)
            raise NotAttempted(refusal.error_code, f"no access token: {refusal.message}")
        return token, lifetime

    def _exchange(self, method: str, path: str, **request: object) -> _Answer:
        # "from None" throughout: an httpx exception holds the request and with it the credentials.
        try:
            return self._send(method, path, request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotAttempted("unreachable", f"no connection to Daraja: {type(error).__name__}") from None
        except httpx.TimeoutException as error:
            raise OutcomeUnknown("timeout", f"Daraja did not answer in time: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise OutcomeUnknown("connection_lost", f"the answer was lost: {type(error).__name__}") from None

    def _send(self, method: str, path: str, request: Mapping[str, object]) -> _Answer:
        deadline = time.monotonic() + self._read_timeout
        body = bytearray()
        with self._http.stream(method, self._base_url + path, **request) as response:  # type: ignore[arg-type]
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST_ANSWER or time.monotonic() > deadline:
                    raise OutcomeUnknown("oversized_answer", "Daraja's answer is too long or too slow")
        return _Answer(response.status_code, _json_object(bytes(body)))

    def _clean(self, text: str) -> str:
        """Return gateway text fit for a log: one short line, our secrets blanked should it echo them."""
        for secret in (*self._basic, self._passkey, self._token.peek()):
            if secret:
                text = text.replace(secret, "[secret]")
        text = _SECRET_LIKE.sub("[long value]", text)
        return "".join(character for character in text if character.isprintable())[:200]


class _Token:
    """Keep one access token until a minute before it expires; threads share a single fetch."""

    def __init__(self, fetch: Callable[[], tuple[str, int]], clock: Callable[[], datetime]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._value: str | None = None
        self._fresh_until = datetime.min.replace(tzinfo=UTC)

    def value(self) -> str:
        with self._lock:
            asked_at = _aware(self._clock())
            if self._value is None or asked_at >= self._fresh_until:
                self._value, lifetime = self._fetch()
                self._fresh_until = asked_at + timedelta(seconds=lifetime) - _REFRESH_EARLY
            return self._value

    def discard(self, refused: str) -> None:
        """Forget a refused token, unless another thread has replaced it already."""
        with self._lock:
            if self._value == refused:
                self._value = None

    def peek(self) -> str | None:
        return self._value


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("clock returned a datetime without a zone; return an aware one")
    return moment


def _msisdn(phone: str) -> str:
    try:
        return normalise_msisdn(phone)
    except ValueError as error:
        raise NotAttempted("invalid_phone", str(error)) from None


def _seconds(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        return int(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 < value < 10**9 else None  # type: ignore[operator,return-value]


def _json_object(body: bytes) -> Mapping[str, object] | None:
    try:
        document = load_json(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _checked_shortcode(name: str, value: str) -> str:
    if not (value.isascii() and value.isdigit() and 5 <= len(value) <= 7):
        raise ValueError(f"{name} {value!r} is not 5 to 7 digits")
    return value


def _checked_base_url(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError(f"base_url {_without_userinfo(base_url)!r} is not a plain http(s) address")
    _ = parts.port  # raises ValueError when it is not a number
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(f"base_url {base_url!r} would send credentials in the clear; use https")
    return base_url.rstrip("/")


def _without_userinfo(address: str) -> str:
    return address.rpartition("@")[2]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
