"""The payer's pages: to the hosted checkout, back from it, and how it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import structlog
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from marketcore.directives import table
from marketcore.exceptions import Malformed, NotAuthenticated, NotFound
from marketcore.payments.asking import ask
from marketcore.settings import section
from marketcore.web.derivers import bounded_body
from marketcore_payments_razorpay.leaving import leave
from marketcore_payments_razorpay.policy import SCRIPT, STYLE, page_policy
from marketcore_payments_razorpay.provider import RazorpayProvider
from marketcore_payments_razorpay.services import Visit, VisitService

log = structlog.get_logger(__name__)
_LARGEST_FORM = 16_384
_MOST_FIELDS = 40


@view_config(
    route_name="razorpay.pay",
    request_method="GET",
    permission="unidentified",
    renderer="marketcore_payments_razorpay:templates/pay.jinja2",
)
def open_checkout(request: Any) -> Any:
    """Take the payer to the hosted checkout, or to how the payment stands when there is nothing to pay."""
    visit, provider = _visit(request), _provider(request)
    if not visit.payable:
        return HTTPSeeOther(provider.pages.status(visit.attempt.id))
    headers = request.response.headers
    headers["Content-Security-Policy"] = page_policy(provider.checkout_url)
    # Razorpay gets to see whose shop it is, but never the address, which belongs to the payer.
    headers["Referrer-Policy"] = "strict-origin"
    fields = provider.checkout_form(visit.attempt)
    return {**_frame(visit), "checkout_url": provider.checkout_url, "fields": fields, "script": SCRIPT}


@view_config(route_name="razorpay.back", request_method="POST", permission="unidentified")
def come_back(request: Any) -> HTTPSeeOther:
    """Receive the payer from the checkout. What the browser brings proves at most an authorisation, so we ask."""
    visit, provider = _visit(request), _provider(request)
    form = _form(request)
    if "razorpay_payment_id" in form:
        _check_signature(request, provider, visit, form)
    elif not any(name.startswith("error") for name in form):
        raise Malformed("neither a payment nor an error of Razorpay's checkout is in this form")
    with _outside_transaction(request):
        ask(request.registry, visit.attempt.id, "browser")
    return HTTPSeeOther(_onwards(request, provider, visit))


@view_config(route_name="razorpay.cancelled", request_method="GET", permission="unidentified")
def give_up(request: Any) -> HTTPSeeOther:
    """Receive a payer who left the checkout without paying."""
    visit, provider = _visit(request), _provider(request)
    if visit.is_open:
        with _outside_transaction(request):
            leave(request.registry, provider, visit.attempt)
    return HTTPSeeOther(_onwards(request, provider, visit))


@view_config(
    route_name="razorpay.status",
    request_method="GET",
    permission="unidentified",
    renderer="marketcore_payments_razorpay:templates/status.jinja2",
)
def show_status(request: Any) -> dict[str, Any]:
    """Say how the payment stands."""
    visit, pages = _visit(request), _provider(request).pages
    request.response.headers["Content-Security-Policy"] = page_policy()
    again = {"pay_url": pages.pay(visit.attempt.id), "cancel_url": pages.cancelled(visit.attempt.id)}
    return {**_frame(visit), **(again if visit.payable else {})}


def _provider(request: Any) -> RazorpayProvider:
    provider: RazorpayProvider = table(request.registry, "payment providers")["razorpay"]
    return provider


def _visit(request: Any) -> Visit:
    payment_id = UUID(request.matchdict["payment_id"])
    if not _provider(request).pages.is_genuine(payment_id, request.matchdict["token"]):
        raise NotFound
    visit: Visit | None = request.find_service(VisitService).visit(payment_id)
    if visit is None:
        raise NotFound
    return visit


def _frame(visit: Visit) -> dict[str, Any]:
    return {"amount": visit.attempt.amount, "code": visit.attempt.code, "state": visit.state, "style": STYLE}


def _form(request: Any) -> Mapping[str, str]:
    body = bounded_body(request, _LARGEST_FORM)
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Malformed("this form cannot be read") from None


def _check_signature(request: Any, provider: RazorpayProvider, visit: Visit, form: Mapping[str, str]) -> None:
    payment_id, signature = form["razorpay_payment_id"], form.get("razorpay_signature", "")
    if not provider.is_genuine_return(visit.attempt, payment_id, signature):
        log.warning("checkout_return_refused", payment_id=str(visit.attempt.id), remote=request.remote_addr)
        raise NotAuthenticated("the signature of this return is not valid")


def _onwards(request: Any, provider: RazorpayProvider, visit: Visit) -> str:
    shop: str = section(request.registry, "payments_razorpay")["return_url"]
    if not shop:
        return provider.pages.status(visit.attempt.id)
    return f"{shop}{'&' if '?' in shop else '?'}{urlencode({'payment_id': str(visit.attempt.id)})}"


@contextmanager
def _outside_transaction(request: Any) -> Iterator[None]:
    # The provider is asked over the network, for which no transaction may wait.
    request.tm.commit()
    try:
        yield
    finally:
        request.tm.begin()
