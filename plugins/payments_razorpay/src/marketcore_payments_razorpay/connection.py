"""Carry calls to Razorpay over HTTP: one exchange per call, and what an error says of it.

The only module of this plugin that imports httpx. Nothing is ever sent twice: whoever has an idempotency key
decides himself whether to call again.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import httpx

from marketcore_payments_razorpay.documents import Document, json_object
from marketcore_payments_razorpay.errors import NotAttempted, OutcomeUnknown, RazorpayError, Rejected

Transport = httpx.BaseTransport

_LARGEST_ANSWER = 2 * 1024 * 1024
#: Keys and passwords are long unbroken runs; gateway text quoted in a log has no need of any.
_SECRET_LIKE = re.compile(r"[A-Za-z0-9+/=_.-]{24,}")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `document` is the JSON object that came, or None when something else did."""

    status: int
    document: Document | None

    @property
    def error(self) -> Document | None:
        """Return the members of Razorpay's error, if that is what came."""
        error = (self.document or {}).get("error")
        return error if isinstance(error, dict) else None

    def text(self, name: str) -> str:
        """Return a text of the error, "" when it is missing."""
        value = (self.error or {}).get(name)
        return value if isinstance(value, str) else ""


class Connection:
    """Speak to Razorpay with one key pair; safe to share between threads.

    `base_url` (without /v1) is https, or plain http to a loopback address. Timeouts are in seconds; `read_timeout`
    also bounds the whole answer.
    """

    def __init__(
        self,
        base_url: str,
        key_id: str,
        key_secret: str,
        *,
        connect_timeout: int = 5,
        read_timeout: int = 20,
        transport: Transport | None = None,
    ) -> None:
        self.base_url = _checked_base_url(base_url)
        self._auth = (key_id, key_secret)
        self._read_timeout = read_timeout
        self._http = httpx.Client(
            timeout=httpx.Timeout(read_timeout, connect=connect_timeout),
            transport=transport,
            follow_redirects=False,
            trust_env=False,
            verify=_authorities(),
        )

    def __repr__(self) -> str:
        return f"Connection({self.base_url!r}, key_id={self._auth[0]!r})"

    def close(self) -> None:
        """Close the connections kept open."""
        self._http.close()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> Document:
        """Return the JSON object at a path; raise a RazorpayError when there is none."""
        return self._document(self._exchange("GET", path, params=dict(query or {})))

    def post(self, path: str, document: Document, headers: Mapping[str, str] | None = None) -> Document:
        """Post a JSON object once and return the answer; raise NotAttempted, Rejected or OutcomeUnknown."""
        return self._document(self._exchange("POST", path, json=document, headers=dict(headers or {})))

    def _document(self, answer: Answer) -> Document:
        if answer.status != 200 or answer.document is None or answer.error is not None:
            raise self._refusal(answer)
        return answer.document

    def _refusal(self, answer: Answer) -> RazorpayError:
        """Return what an answer amounts to; only a refusal known to precede the work is more than unknown."""
        code = self._clean(answer.text("code") or f"http_{answer.status}")
        message = self._clean(answer.text("description") or f"HTTP {answer.status}")
        if answer.status in (401, 403, 429):
            return NotAttempted(code, message)
        if answer.error is None or code != "BAD_REQUEST_ERROR" or not 400 <= answer.status < 500:
            return OutcomeUnknown(code, message)
        # Another body under our key, or the same still being worked on: either way there was an earlier request.
        if answer.status == 409 or "idempotency" in message.lower():
            return OutcomeUnknown("in_progress", message)
        return Rejected(code, message)

    def _clean(self, text: str) -> str:
        """Return gateway text fit for a log: one short line, our secrets blanked should it echo them."""
        text = _SECRET_LIKE.sub("[long value]", text.replace(self._auth[1], "[secret]"))
        return "".join(character for character in text if character.isprintable())[:200]

    def _exchange(self, method: str, path: str, **request: object) -> Answer:
        # "from None" throughout: an httpx exception holds the request and with it the credentials.
        try:
            return self._send(method, path, request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotAttempted("unreachable", f"no connection to Razorpay: {type(error).__name__}") from None
        except httpx.TimeoutException as error:
            raise OutcomeUnknown("timeout", f"Razorpay did not answer in time: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise OutcomeUnknown("connection_lost", f"the answer was lost: {type(error).__name__}") from None

    def _send(self, method: str, path: str, request: Mapping[str, object]) -> Answer:
        deadline = time.monotonic() + self._read_timeout
        body = bytearray()
        with self._http.stream(method, self.base_url + path, auth=self._auth, **request) as response:  # type: ignore[arg-type]
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST_ANSWER or time.monotonic() > deadline:
                    raise OutcomeUnknown("oversized_answer", "Razorpay's answer is too long or too slow")
        return Answer(response.status_code, json_object(bytes(body)))


def _checked_base_url(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ValueError(f"base_url {base_url.rpartition('@')[2]!r} is not a plain http(s) address")
    _ = parts.port  # raises ValueError when it is not a number
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError(f"base_url {base_url!r} would send credentials in the clear; use https")
    return base_url.rstrip("/")


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
