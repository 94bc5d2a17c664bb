"""Hosted checkout: the page a payer is sent to, and the way back to the marketplace."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, select_autoescape

from marketcore_simulator.razorpay import credentials
from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.razorpay.merchant import Merchant
from marketcore_simulator.razorpay.orders import Order
from marketcore_simulator.razorpay.payments import METHODS, Means, Payment
from marketcore_simulator.razorpay.webhooks import sign
from marketcore_simulator.routing import Router
from marketcore_simulator.scripts import Script
from marketcore_simulator.wsgi import Request, Response, html_response

BANKS = {"HDFC": "HDFC Bank", "ICIC": "ICICI Bank", "SBIN": "State Bank of India", "UTIB": "Axis Bank"}
#: A UPI address that always fails, as in the gateway's own test mode.
FAILING_VPA = "failure@razorpay"


@dataclass(frozen=True)
class Visit:
    """One payer's visit to the checkout page."""

    id: str
    order_id: str
    merchant_name: str
    description: str
    callback_url: str
    cancel_url: str


@dataclass(frozen=True)
class Return:
    """What the payer's browser brings back to callback_url; `leaves` is False when it never does."""

    payment: Payment
    fields: Mapping[str, str]
    leaves: bool


class Checkout:
    """Show the page and take the payer's choice on it."""

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant
        self._visits: dict[str, Visit] = {}
        self._templates = Environment(
            loader=PackageLoader("marketcore_simulator", "razorpay/templates"), autoescape=select_autoescape()
        )
        self._templates.filters["rupees"] = _rupees

    def add_routes(self, router: Router) -> None:
        """Add the page and the forms on it; none of them asks for the merchant's key."""
        router.add("POST", "/v1/checkout/embedded", self._open)
        router.add("GET", "/checkout/{visit_id}", self._show)
        router.add("POST", "/checkout/{visit_id}", self._choose)

    def pay(self, order: Order, means: Means, *, succeed: bool = True, script: Script | None = None) -> Return:
        """Attempt an order as a payer would; raise Refusal when it is paid already."""
        course = script or self._merchant.gateway.next_course("pay", means.vpa, order.receipt)
        wanted = succeed and means.vpa != FAILING_VPA
        payment = self._merchant.payments.attempt(order, means, succeed=wanted, script=course)
        paid = payment.status in {"authorized", "captured"}
        brought = self._success(order, payment, course) if paid else self._failure(order, payment)
        return Return(payment, brought, course.name != "never_returns")

    def clear(self) -> None:
        """Forget every visit."""
        self._visits.clear()

    def _open(self, request: Request) -> Response:
        try:
            visit = self._visit(request.form())
        except Refusal as refusal:
            return self._page("refused.html", 400, problem=refusal.description)
        self._visits[visit.id] = visit
        return self._offer(visit)

    def _visit(self, form: Mapping[str, str]) -> Visit:
        if form.get("key_id") != credentials.KEY_ID:
            raise Refusal("The api key provided is invalid", "key_id")
        order = self._merchant.orders.book.get(form.get("order_id"))
        _check_order(order, form)
        return Visit(
            id=self._merchant.gateway.new_id("visit"),
            order_id=order.id,
            merchant_name=form.get("name") or "Merchant",
            description=form.get("description", ""),
            callback_url=_address(form, "callback_url"),
            cancel_url=_address(form, "cancel_url"),
        )

    def _show(self, request: Request, visit_id: str) -> Response:
        visit = self._visits.get(visit_id)
        if visit is None:
            return self._page("refused.html", 404, problem="This checkout has ended.")
        return self._offer(visit)

    def _offer(self, visit: Visit) -> Response:
        order = self._merchant.orders.book.get(visit.order_id)
        return self._page("checkout.html", visit=visit, order=order, banks=BANKS)

    def _choose(self, request: Request, visit_id: str) -> Response:
        visit, form = self._visits.get(visit_id), request.form()
        if visit is None:
            return self._page("refused.html", 404, problem="This checkout has ended.")
        order = self._merchant.orders.book.get(visit.order_id)
        try:
            brought = self.pay(order, _means(form), succeed=form.get("decision") == "pay")
        except Refusal as refusal:
            return self._page("refused.html", 400, problem=refusal.description)
        return self._page("return.html", visit=visit, order=order, brought=brought)

    def _success(self, order: Order, payment: Payment, script: Script) -> dict[str, str]:
        told = _another(order.id) if script.name == "tampered_order" else order.id
        secret = "another secret" if script.name == "tampered_signature" else credentials.KEY_SECRET
        return {
            "razorpay_payment_id": payment.id,
            "razorpay_order_id": told,
            "razorpay_signature": sign(secret, f"{told}|{payment.id}".encode()),
        }

    def _failure(self, order: Order, payment: Payment) -> dict[str, str]:
        shown = payment.entity()
        metadata = json.dumps({"payment_id": payment.id, "order_id": order.id})
        parts = ("code", "description", "source", "step", "reason")
        return {**{f"error[{part}]": str(shown[f"error_{part}"]) for part in parts}, "error[metadata]": metadata}

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        return html_response(self._templates.get_template(template).render(**values), status)


def _check_order(order: Order, form: Mapping[str, str]) -> None:
    if order.status == "paid":
        raise Refusal("This order has been paid already.", "order_id")
    if form.get("amount", str(order.amount)) != str(order.amount):
        raise Refusal("The amount differs from the order's.", "amount")
    if form.get("currency", order.currency) != order.currency:
        raise Refusal("The currency differs from the order's.", "currency")


def _another(order_id: str) -> str:
    return order_id[:-1] + ("1" if order_id.endswith("0") else "0")


def _address(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "")
    if urlsplit(value).scheme not in {"http", "https"}:
        raise Refusal(f"The {name} must be a valid http or https address.", name)
    return value


def _means(form: Mapping[str, str]) -> Means:
    method = form.get("method", "upi")
    if method not in METHODS:
        raise Refusal("The selected method is invalid.", "method")
    if method == "upi":
        return Means("upi", vpa=form.get("vpa") or "success@razorpay")
    if method == "card":
        return Means("card", card_last4=form.get("card", "")[-4:])
    return Means("netbanking", bank=form.get("bank") if form.get("bank") in BANKS else "HDFC")


def _rupees(paise: int) -> str:
    return f"₹{paise // 100:,}.{paise % 100:02d}"
