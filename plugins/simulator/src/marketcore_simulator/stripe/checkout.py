"""Checkout Sessions: a hosted page for one purchase, open until paid or expired."""

from marketcore_simulator.stripe import methods
from marketcore_simulator.stripe.currencies import check_charge
from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.methods import Method
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.payments import PaymentDesk
from marketcore_simulator.stripe.sessions import (
    blank_session,
    check_supported,
    customer_details,
    read_expiry,
    read_lines,
)
from marketcore_simulator.stripe.store import Document

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
        check_supported(params)
        lines = read_lines(params)
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
            session["customer_details"] = customer_details(email)
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
        session = blank_session(session_id, params, now)
        session["url"] = f"{base_url}/pay/{session_id}"
        session["expires_at"] = read_expiry(params, now)
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
        intent = self._payments.open(session["amount_total"], session["currency"], data, account, session)
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

    def _pay_late(self, session: Document) -> None:
        session.update(status="open", payment_intent=None)
        self.pay(session, methods.VISA, "")

    def _expire(self, session: Document) -> None:
        session.update(status="expired", url=None)
        if session["payment_intent"] is not None:
            self._payments.cancel(self._gateway.store.known(session["payment_intent"]), "expired")
        self._tell("checkout.session.expired", session)
        if self._gateway.follows(session, "late_success"):
            after = self._gateway.world.settings.late_after
            self._gateway.later(after, lambda: self._pay_late(session))

    def _check_open(self, session: Document, done: str) -> None:
        if session["status"] != "open":
            raise StripeError(
                f'Only Checkout Sessions with a status in ["open"] can be {done}. '
                f"This Checkout Session has a status of `{session['status']}`."
            )

    def _tell(self, kind: str, session: Document) -> None:
        self._gateway.emit(kind, session, self._gateway.store.owner(session))
