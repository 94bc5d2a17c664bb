"""Carry calls to Daraja over HTTP: OAuth, one exchange per call, and what an error says of it.

The only module of this plugin that imports httpx. Nothing is ever sent twice on its own account, except after
a refused access token, which Daraja looks at before anything else.
"""

import ipaddress
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import urlsplit

import httpx

from marketcore_payments_mpesa.errors import AlreadySubmitted, DarajaError, NotAttempted, OutcomeUnknown
from marketcore_payments_mpesa.numbers import load_json

TOKEN_PATH = "/oauth/v1/generate"  # noqa: S105

Transport = httpx.BaseTransport

_REFRESH_EARLY = timedelta(seconds=60)
_LARGEST_ANSWER = 1024 * 1024  # a page of the pull service is the longest
_TOKEN = re.compile(r"[!-~]{1,4096}")
#: Keys, tokens and base64 passwords are long unbroken runs; gateway text quoted in a log has no need of any.
_SECRET_LIKE = re.compile(r"[A-Za-z0-9+/=_.-]{24,}")

#: Refusals that come before anything is done, whatever the HTTP status.
_BUSY_CODES = frozenset({"500.003.02", "500.003.03"})
_STALE_TOKEN_CODES = frozenset({"404.001.03", "400.003.01"})
_DUPLICATE_CODE = "500.002.1001"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `document` is the JSON object that came, or None when something else did."""

    status: int
    document: Mapping[str, object] | None

    @property
    def error_code(self) -> str | None:
        """Return Daraja's error code, if the answer is an error."""
        code = (self.document or {}).get("errorCode")
        return code if isinstance(code, str) else None

    @property
    def is_error(self) -> bool:
        """Tell whether this is anything but a plain answer."""
        return self.document is None or self.error_code is not None or self.status != 200

    @property
    def refuses_token(self) -> bool:
        """Tell whether the access token was turned away."""
        code = self.error_code or ""
        return self.status == 401 or code in _STALE_TOKEN_CODES or code.startswith("401.")

    def text(self, name: str) -> str:
        """Return a text member, or "" when it is missing or something else."""
        value = (self.document or {}).get(name)
        return value if isinstance(value, str) else ""


class Connection:
    """Post to Daraja with a token that is good; safe to share between threads.

    `base_url` is https, or plain http to a loopback address. Timeouts are in seconds; `read_timeout` also
    bounds the whole answer. `secrets` are blanked in every text that reaches an error.
    """

    def __init__(
        self,
        base_url: str,
        consumer_key: str,
        consumer_secret: str,
        *,
        secrets: tuple[str, ...],
        connect_timeout: int,
        read_timeout: int,
        clock: Callable[[], datetime],
        transport: Transport | None,
    ) -> None:
        self.base_url = _checked_base_url(base_url)
        self._basic = (consumer_key, consumer_secret)
        self._secrets = (*self._basic, *secrets)
        self._read_timeout = read_timeout
        self._token = _Token(self._fetch_token, clock)
        self._http = httpx.Client(
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout),
            transport=transport,
            follow_redirects=False,
            trust_env=False,
            verify=_authorities(),
        )

    def close(self) -> None:
        """Close the connections kept open."""
        self._http.close()

    def post(self, path: str, order: Mapping[str, object]) -> Answer:
        """Post a JSON object and return whatever came back; raise NotAttempted or OutcomeUnknown when nothing did."""
        token = self._token.value()
        answer = self._exchange("POST", path, json=order, headers={"Authorization": f"Bearer {token}"})
        if not answer.refuses_token:
            return answer
        self._token.discard(token)
        headers = {"Authorization": f"Bearer {self._token.value()}"}
        return self._exchange("POST", path, json=order, headers=headers)

    def refusal(self, answer: Answer, early: frozenset[str] = frozenset()) -> DarajaError:
        """Return the error an answer amounts to; only a refusal known to precede the work is NotAttempted.

        `early` names further error codes that are such refusals on the path asked.
        """
        code = answer.error_code
        message = self.clean(answer.text("errorMessage")) or f"HTTP {answer.status}"
        if code == _DUPLICATE_CODE:
            return AlreadySubmitted(code, message)
        if answer.status == 429 or code in _BUSY_CODES | early or answer.refuses_token:
            return NotAttempted(self.clean(code or f"http_{answer.status}"), message)
        if code is not None and code.startswith(("400.", "404.", "405.")) and 400 <= answer.status < 500:
            return NotAttempted(self.clean(code), message)
        return OutcomeUnknown(self.clean(code or f"http_{answer.status}"), message)

    def clean(self, text: str) -> str:
        """Return gateway text fit for a log: one short line, our secrets blanked should it echo them."""
        for secret in (*self._secrets, self._token.peek()):
            if secret:
                text = text.replace(secret, "[secret]")
        text = _SECRET_LIKE.sub("[long value]", text)
        return "".join(character for character in text if character.isprintable())[:200]

    def _fetch_token(self) -> tuple[str, int]:
        params = {"grant_type": "client_credentials"}
        try:
            answer = self._exchange("GET", TOKEN_PATH, params=params, auth=self._basic)
        except OutcomeUnknown as error:
            raise NotAttempted(error.error_code, f"no access token: {error.message}") from None
        token, lifetime = answer.text("access_token"), _seconds((answer.document or {}).get("expires_in"))
        if answer.status != 200 or not _TOKEN.fullmatch(token) or lifetime is None:
            refusal = self.refusal(answer)
            raise NotAttempted(refusal.error_code, f"no access token: {refusal.message}")
        return token, lifetime

    def _exchange(self, method: str, path: str, **request: object) -> Answer:
        # "from None" throughout: an httpx exception holds the request and with it the credentials.
        try:
            return self._send(method, path, request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotAttempted("unreachable", f"no connection to Daraja: {type(error).__name__}") from None
        except httpx.TimeoutException as error:
            raise OutcomeUnknown("timeout", f"Daraja did not answer in time: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise OutcomeUnknown("connection_lost", f"the answer was lost: {type(error).__name__}") from None

    def _send(self, method: str, path: str, request: Mapping[str, object]) -> Answer:
        deadline = time.monotonic() + self._read_timeout
        body = bytearray()
        with self._http.stream(method, self.base_url + path, **request) as response:  # type: ignore[arg-type]
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST_ANSWER or time.monotonic() > deadline:
                    raise OutcomeUnknown("oversized_answer", "Daraja's answer is too long or too slow")
        return Answer(response.status_code, _json_object(bytes(body)))


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
            asked_at = aware(self._clock())
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


def aware(moment: datetime) -> datetime:
    """Return the moment; raise ValueError when it has no zone."""
    if moment.tzinfo is None:
        raise ValueError("clock returned a datetime without a zone; return an aware one")
    return moment


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


@cache
def _authorities() -> ssl.SSLContext:
    """Return what every connection trusts; reading the list takes longer than a call."""
    return httpx.create_ssl_context(trust_env=False)
