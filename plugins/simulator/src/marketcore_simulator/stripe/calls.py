"""One API call: who asks, on whose behalf, with which parameters."""

import re
from dataclasses import dataclass
from typing import Any

from marketcore_simulator.stripe.credentials import API_VERSION, KEY_PREFIX
from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.stripe.forms import nest, parse_form
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.wsgi import Request

_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?")
_LONGEST_KEY = 255


@dataclass(frozen=True)
class Call:
    """A request that carried a good key. `account` is the connected account it acts for."""

    path: str
    params: Params
    body: bytes
    account: str | None
    version: str
    idempotency_key: str | None
    request_id: str
    base_url: str
    expand: tuple[str, ...]


def read_call(request: Request, request_id: str) -> Call:
    """Check the headers and read the parameters; raise StripeError for what Stripe would refuse."""
    _check_key(request.headers.get("authorization", ""))
    values = _values(request)
    expand = _expand(values.pop("expand", []))
    return Call(
        path=request.path,
        params=Params(values),
        body=request.body,
        account=request.headers.get("stripe-account") or None,
        version=_version(request),
        idempotency_key=_idempotency_key(request),
        request_id=request_id,
        base_url=f"http://{request.headers.get('host', '')}/stripe",
        expand=expand,
    )


def _check_key(header: str) -> None:
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise StripeError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if not key.startswith(KEY_PREFIX):
        hidden = f"{key[:8]}{'*' * 12}{key[-4:]}"
        raise StripeError(f"Invalid API Key provided: {hidden}", status=401)


def _version(request: Request) -> str:
    version = request.headers.get("stripe-version", "")
    if not version and request.path.startswith("/v2/"):
        raise StripeError("Please provide a Stripe-Version header: v2 has no default.", "missing_stripe_version")
    if version and not _VERSION.fullmatch(version):
        raise StripeError(f"Invalid Stripe API version: {version}")
    return version or API_VERSION


def _values(request: Request) -> dict[str, Any]:
    try:
        if request.method != "POST":
            return nest(request.query.items())
        if request.path.startswith("/v2/"):
            return request.document()
        return parse_form(request.body.decode("utf-8"))
    except ValueError as error:
        raise StripeError(f"Invalid request: {error}") from None


def _expand(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(path, str) and path.count(".") < 4 for path in given):
        raise StripeError("Invalid array", None, "expand")
    return tuple(given)


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None or request.method != "POST":
        return None
    if not 1 <= len(key) <= _LONGEST_KEY:
        raise StripeError(f"Idempotency keys have 1 to {_LONGEST_KEY} characters.", kind="idempotency_error")
    return key
