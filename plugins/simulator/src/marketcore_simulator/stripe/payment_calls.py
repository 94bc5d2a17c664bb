"""The API's calls about taking money: sessions, PaymentIntents, charges, refunds, disputes."""

from marketcore_simulator.stripe import methods
from marketcore_simulator.stripe.accepted import PAYMENT_INTENT, PAYMENT_INTENT_CAPTURE, PAYMENT_INTENT_CONFIRM
from marketcore_simulator.stripe.calls import Call
from marketcore_simulator.stripe.desks import Desks
from marketcore_simulator.stripe.errors import wrong_state
from marketcore_simulator.stripe.methods import Method
from marketcore_simulator.stripe.payments import CANCELLATION_REASONS, method_of
from marketcore_simulator.stripe.reading import Reading, Route
from marketcore_simulator.stripe.store import Document

#: Scripts that decide the confirmation of a PaymentIntent whatever its payment method.
_DECIDED = {
    "declined": methods.DECLINED,
    "insufficient": methods.INSUFFICIENT,
    "pending_then_succeeded": methods.BANK,
    "pending_then_failed": methods.BOUNCING_BANK,
}


class PaymentCalls:
    """Answer the calls of the payment resources."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._store = desks.gateway.store
        self._reading = Reading(desks.gateway)

    def routes(self) -> list[Route]:
        """Return the calls and the operations they are scripted by."""
        read = self._reading
        return [
            ("POST", "/v1/checkout/sessions", "sessions.create", self._open_session),
            (
                "GET",
                "/v1/checkout/sessions",
                "sessions.list",
                read.many("checkout.session", "payment_intent", "status"),
            ),
            ("GET", "/v1/checkout/sessions/{id}", "sessions.retrieve", read.one("checkout.session", "session")),
            ("GET", "/v1/checkout/sessions/{id}/line_items", "sessions.line_items", self._line_items),
            ("POST", "/v1/checkout/sessions/{id}/expire", "sessions.expire", self._expire_session),
            ("POST", "/v1/payment_intents", "payment_intents.create", self._create_intent),
            ("GET", "/v1/payment_intents", "payment_intents.list", read.many("payment_intent", "customer")),
            ("GET", "/v1/payment_intents/{id}", "payment_intents.retrieve", read.one("payment_intent", "intent")),
            ("POST", "/v1/payment_intents/{id}/confirm", "payment_intents.confirm", self._confirm_intent),
            ("POST", "/v1/payment_intents/{id}/capture", "payment_intents.capture", self._capture_intent),
            ("POST", "/v1/payment_intents/{id}/cancel", "payment_intents.cancel", self._cancel_intent),
            ("GET", "/v1/charges", "charges.list", read.many("charge", "payment_intent", "transfer_group")),
            ("GET", "/v1/charges/{id}", "charges.retrieve", read.one("charge", "charge")),
            ("POST", "/v1/refunds", "refunds.create", self._create_refund),
            ("GET", "/v1/refunds", "refunds.list", read.many("refund", "charge", "payment_intent")),
            ("GET", "/v1/refunds/{id}", "refunds.retrieve", read.one("refund", "refund")),
            ("GET", "/v1/disputes", "disputes.list", read.many("dispute", "charge", "payment_intent")),
            ("GET", "/v1/disputes/{id}", "disputes.retrieve", read.one("dispute", "dispute")),
            ("POST", "/v1/disputes/{id}", "disputes.update", self._update_dispute),
            ("POST", "/v1/disputes/{id}/close", "disputes.close", self._close_dispute),
        ]

    def _open_session(self, call: Call) -> Document:
        session = self._desks.checkout.open(call.params, call.account, call.base_url)
        return session.pop("_answered", session)

    def _line_items(self, call: Call, id: str) -> Document:
        items: Document = self._store.get("checkout.session", id, call.account, "session")["_line_items"]
        return items

    def _expire_session(self, call: Call, id: str) -> Document:
        session = self._store.get("checkout.session", id, call.account, "session")
        self._desks.checkout.expire(session, call.base_url)
        return session

    def _create_intent(self, call: Call) -> Document:
        call.params.only(PAYMENT_INTENT)
        intent = self._desks.payments.create(call.params, call.account)
        if call.params.flag("confirm"):
            self._confirm(call, intent)
        return intent

    def _confirm_intent(self, call: Call, id: str) -> Document:
        call.params.only(PAYMENT_INTENT_CONFIRM)
        intent = self._own_intent(call, id, "confirm")
        self._confirm(call, intent)
        return intent

    def _confirm(self, call: Call, intent: Document) -> None:
        method = self._scripted(method_of(call.params) or intent.get("_method"), intent)
        self._desks.payments.confirm(intent, method, call.base_url, call.params.text("return_url"))

    def _scripted(self, method: Method | None, intent: Document) -> Method:
        script = self._desks.gateway.script
        if script is not None:
            self._desks.gateway.follow(intent)
            method = _DECIDED.get(script.name, method)
        if method is None:
            raise wrong_state(
                "You cannot confirm this PaymentIntent because it's missing a payment method. "
                "Pass payment_method, for instance pm_card_visa."
            )
        return method

    def _capture_intent(self, call: Call, id: str) -> Document:
        call.params.only(PAYMENT_INTENT_CAPTURE)
        intent = self._store.get("payment_intent", id, call.account, "intent")
        self._desks.payments.capture(intent, call.params)
        return intent

    def _cancel_intent(self, call: Call, id: str) -> Document:
        call.params.only(("cancellation_reason",))
        intent = self._own_intent(call, id, "cancel")
        self._desks.payments.cancel(intent, call.params.choice("cancellation_reason", CANCELLATION_REASONS))
        return intent

    def _own_intent(self, call: Call, id: str, verb: str) -> Document:
        intent = self._store.get("payment_intent", id, call.account, "intent")
        if "_session" in intent:
            raise wrong_state(
                f"You cannot {verb} this PaymentIntent: it belongs to Checkout Session {intent['_session']}."
            )
        return intent

    def _create_refund(self, call: Call) -> Document:
        return self._desks.refunds.create(call.params, call.account)

    def _update_dispute(self, call: Call, id: str) -> Document:
        dispute = self._store.get("dispute", id, call.account, "dispute")
        self._desks.disputes.update(dispute, call.params)
        return dispute

    def _close_dispute(self, call: Call, id: str) -> Document:
        call.params.only(())
        dispute = self._store.get("dispute", id, call.account, "dispute")
        self._desks.disputes.decide(dispute, "lost")
        return dispute
