"""Checkout Sessions: a hosted page for one purchase, open until paid or expired."""

from urllib.parse import urlsplit

from marketcore_simulator.stripe import methods
from marketcore_simulator.stripe.accepted import SESSION, SESSION_UNSUPPORTED
from marketcore_simulator.stripe.currencies import check_charge, read_currency
from marketcore_simulator.stripe.errors import StripeError, missing
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.methods import Method
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.payments import PaymentDesk
from marketcore_simulator.stripe.store import Document

SHORTEST, LONGEST = 30 * 60, 24 * 3600
_MOST_LINES = 100
_CLOCK_SKEW = 60

#: Scripts that pay, or try to pay, a session without a person, and the method they use.
_BY_ITSELF = {
    "ok": methods.VISA,
    "declined": methods.DECLINED,
    "insufficient": methods.INSUFFICIENT,
    "pending_then_succeeded": methods.BANK,
    "pending_then_failed": methods.BOUNCING_BANK,
}


class CheckoutDesk:
    """Open, pay and expire Checkout Sessions."""

    def __init__(self, gateway: Gateway, payments: PaymentDesk) -> None:
        self._gateway = gateway
        self._payments = payments
        payments.settled = self._settled

    def open(self, params: Params, account: str | None, base_url: str) -> Document:
        """Make a session from the parameters of its API and set its script going."""
        _check_supported(params)
        lines = _lines(params)
        currency = lines[0]["currency"]
        total = sum(line["amount_total"] for line in lines)
        check_charge(total, currency, "line_items")
        session = self._session(params, lines, base_url)
        data = params.group("payment_intent_data")
        self._payments.routing(total, data, account)
        data.metadata()
        session["_payment_intent_data"] = data
        self._gateway.store.add(session, account)
        self._gateway.follow(session)
        self._gateway.later(session["expires_at"] - session["created"], lambda: self._time_out(session))
        self._follow_script(session, base_url)
        return session

    def pay(self, session: Document, method: Method, base_url: str, email: str | None = None) -> None:
        """Pay as a person at the page would; raise StripeError for a decline or a session that is not open."""
        self._check_open(session, "paid")
        if email:
            session["customer_details"] = _customer(email)
        intent = self._intent(session)
        self._payments.confirm(intent, method, base_url, session["success_url"])
        self._complete_if_paid(session, intent)

    def authenticate(self, session: Document, passed: bool) -> None:
        """Answer the 3-D Secure challenge of a session's payment."""
        self._check_open(session, "authenticated")
        intent = self._intent(session)
        self._payments.authenticate(intent, passed)
        self._complete_if_paid(session, intent)

    def expire(self, session: Document, base_url: str) -> None:
        """Close an open session; under late_success the customer pays just before."""
        script = self._gateway.script
        if script is not None and script.name == "late_success" and session["status"] == "open":
            self._gateway.follow(session)
            self.pay(session, methods.VISA, base_url)
        self._check_open(session, "expired")
        self._expire(session)

    def _session(self, params: Params, lines: list[Document], base_url: str) -> Document:
        now = self._gateway.now()
        session_id = f"cs_test_{self._gateway.world.ids.letters('cs', 48)}"
        session = _blank(session_id, params, now)
        session["url"] = f"{base_url}/pay/{session_id}"
        session["expires_at"] = _expiry(params, now)
        session["currency"] = lines[0]["currency"]
        session["amount_subtotal"] = session["amount_total"] = sum(line["amount_total"] for line in lines)
        for line in lines:
            line["id"] = self._gateway.new_id("li")
        session["_line_items"] = {
            "object": "list",
            "data": lines,
            "has_more": False,
            "url": f"/v1/checkout/sessions/{session_id}/line_items",
        }
        return session

    def _follow_script(self, session: Document, base_url: str) -> None:
        script = self._gateway.script_of(session)
        settings = self._gateway.world.settings
        if script is None:
            return
        if script.name == "callback_first":
            session["_answered"] = {**session}
            self.pay(session, methods.VISA, base_url)
        elif script.name == "cancel":
            self._gateway.later(settings.cancel_after, lambda: self._time_out(session))
        elif script.name in _BY_ITSELF:
            method = _BY_ITSELF[script.name]
            self._gateway.later(settings.approve_after, lambda: self._pay_by_itself(session, method, base_url))

    def _pay_by_itself(self, session: Document, method: Method, base_url: str) -> None:
        try:
            self.pay(session, method, base_url)
        except StripeError as refusal:
            self._gateway.world.log.add("stripe", "decision", f"{session['id']}: {refusal}")

    def _intent(self, session: Document) -> Document:
        """Return the session's PaymentIntent, which exists from the first attempt to pay."""
        if session["payment_intent"] is not None:
            return self._gateway.store.known(session["payment_intent"])
        account = self._gateway.store.owner(session)
        data: Params = session["_payment_intent_data"]
        intent = self._payments.open(session["amount_total"], session["currency"], data, account)
        intent["_session"] = session["id"]
        intent["receipt_email"] = intent["receipt_email"] or session["customer_email"]
        self._gateway.follow(intent, session)
        session["payment_intent"] = intent["id"]
        return intent

    def _complete_if_paid(self, session: Document, intent: Document) -> None:
        if intent["status"] not in {"succeeded", "processing", "requires_capture"}:
            return
        paid = intent["status"] == "succeeded"
        session.update(status="complete", payment_status="paid" if paid else "unpaid", url=None)
        self._tell("checkout.session.completed", session)

    def _settled(self, intent: Document) -> None:
        session = self._gateway.store.find(intent.get("_session", ""))
        if session is None:
            return
        asynchronous = intent["_method"].answer == "later"
        if intent["status"] == "succeeded":
            session["payment_status"] = "paid"
        if asynchronous:
            paid = session["payment_status"] == "paid"
            self._tell(f"checkout.session.async_payment_{'succeeded' if paid else 'failed'}", session)

    def _time_out(self, session: Document) -> None:
        if self._gateway.store.find(session["id"]) is not session or session["status"] != "open":
            return
        self._expire(session)
        if self._gateway.follows(session, "late_success"):
            after = self._gateway.world.settings.late_after
            self._gateway.later(after, lambda: self._pay_late(session))

    def _pay_late(self, session: Document) -> None:
        session.update(status="open", payment_intent=None)
        self.pay(session, methods.VISA, "")

    def _expire(self, session: Document) -> None:
        session.update(status="expired", url=None)
        if session["payment_intent"] is not None:
            self._payments.cancel(self._gateway.store.known(session["payment_intent"]), "expired")
        self._tell("checkout.session.expired", session)

    def _check_open(self, session: Document, done: str) -> None:
        if session["status"] != "open":
            raise StripeError(
                f'Only Checkout Sessions with a status in ["open"] can be {done}. '
                f"This Checkout Session has a status of `{session['status']}`."
            )

    def _tell(self, kind: str, session: Document) -> None:
        self._gateway.emit(kind, session, self._gateway.store.owner(session))


def _check_supported(params: Params) -> None:
    params.only(SESSION)
    if params.choice("mode", ("payment", "setup", "subscription")) != "payment":
        raise StripeError("mode must be payment: the simulator has no other.", None, "mode")
    for name in SESSION_UNSUPPORTED:
        if name in params:
            raise StripeError(f"{name} changes what is charged, which the simulator does not compute.", None, name)
    if "success_url" not in params:
        raise missing("success_url")
    for name in ("success_url", "cancel_url"):
        _check_url(params.text(name), name)


def _check_url(url: str | None, param: str) -> None:
    if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc):
        raise StripeError("Not a valid URL", "url_invalid", param)


def _expiry(params: Params, now: int) -> int:
    expires_at = params.integer("expires_at")
    if expires_at is None:
        return now + LONGEST
    if expires_at < now + SHORTEST - _CLOCK_SKEW:
        raise StripeError(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.", None, "expires_at"
        )
    if expires_at > now + LONGEST + _CLOCK_SKEW:
        raise StripeError(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.", None, "expires_at"
        )
    return expires_at


def _lines(params: Params) -> list[Document]:
    groups = params.groups("line_items")
    if not groups:
        raise missing("line_items")
    if len(groups) > _MOST_LINES:
        raise StripeError(f"line_items can have at most {_MOST_LINES} items.", None, "line_items")
    lines = [_line(group) for group in groups]
    if len({line["currency"] for line in lines}) > 1:
        raise StripeError("All line items must have the same currency.", None, "line_items")
    return lines


def _line(group: Params) -> Document:
    price = group.group("price_data")
    if "price" in group:
        raise StripeError(f"No such price: '{group.text('price')}'", "resource_missing", group.name("price"))
    currency = read_currency(price.required_text("currency"), price.name("currency"))
    unit, quantity = price.required_integer("unit_amount"), group.required_integer("quantity")
    if unit < 0 or quantity < 1:
        raise StripeError("unit_amount must be 0 or more and quantity 1 or more.", None, group.name("quantity"))
    product = price.group("product_data")
    total = unit * quantity
    return {
        "id": "",
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": currency,
        "description": product.required_text("name"),
        "price": {"object": "price", "currency": currency, "type": "one_time", "unit_amount": unit},
        "quantity": quantity,
    }


def _customer(email: str | None) -> Document:
    return {"address": None, "email": email, "name": None, "phone": None, "tax_exempt": "none", "tax_ids": None}


def _blank(session_id: str, params: Params, now: int) -> Document:
    email = params.text("customer_email")
    return {
        "id": session_id,
        "object": "checkout.session",
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": 0,
        "amount_total": 0,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.text("billing_address_collection"),
        "cancel_url": params.text("cancel_url"),
        "client_reference_id": params.text("client_reference_id", longest=200),
        "client_secret": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": None,
        "custom_fields": [],
        "custom_text": {"after_submit": None, "shipping_address": None, "submit": None},
        "customer": params.text("customer"),
        "customer_creation": params.text("customer_creation", "if_required"),
        "customer_details": _customer(email) if email else None,
        "customer_email": email,
        "expires_at": now,
        "invoice": None,
        "livemode": False,
        "locale": params.text("locale"),
        "metadata": params.metadata(),
        "mode": "payment",
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": params.text("submit_type"),
        "subscription": None,
        "success_url": params.text("success_url"),
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": None,
    }
