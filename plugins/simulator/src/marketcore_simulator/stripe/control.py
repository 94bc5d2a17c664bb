"""/_sim/stripe/…: act as the payer, the bank and the reviewer; register endpoints; see what happened."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from marketcore_simulator.routing import Router
from marketcore_simulator.stripe import methods
from marketcore_simulator.stripe.currencies import read_currency
from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.stripe.face import StripeFace
from marketcore_simulator.stripe.methods import Method
from marketcore_simulator.stripe.pages import after_payment
from marketcore_simulator.stripe.store import Document, public
from marketcore_simulator.wsgi import Request, Response, json_response

_BASE = "/_sim/stripe"
_EVENTS = ("event", "v2.core.event")


class StripeControl:
    """The control calls of the Stripe face."""

    def __init__(self, face: StripeFace) -> None:
        self._desks = face.desks
        self._gateway = face.desks.gateway

    def add_routes(self, router: Router) -> None:
        """Add this face's control routes."""
        for method, path, handler in (
            ("GET", "/endpoints", self._endpoints),
            ("POST", "/endpoints", self._register),
            ("DELETE", "/endpoints/{id}", self._remove),
            ("POST", "/endpoints/{id}/rotate", self._rotate),
            ("GET", "/objects/{kind}", self._objects),
            ("GET", "/deliveries", self._deliveries),
            ("POST", "/events/{id}/redeliver", self._redeliver),
            ("POST", "/sessions/{id}/pay", self._pay),
            ("POST", "/sessions/{id}/decline", self._decline),
            ("POST", "/sessions/{id}/authenticate", self._authenticate),
            ("POST", "/sessions/{id}/expire", self._expire),
            ("POST", "/payment_intents/{id}/authenticate", self._authenticate_intent),
            ("POST", "/payment_intents/{id}/settle", self._settle),
            ("POST", "/refunds/{id}/{outcome}", self._decide_refund),
            ("POST", "/payouts/{id}/fail", self._fail_payout),
            ("POST", "/disputes", self._dispute),
            ("POST", "/disputes/{id}/{outcome}", self._decide_dispute),
            ("POST", "/accounts/{id}/{state}", self._move_account),
            ("POST", "/balance", self._top_up),
        ):
            router.add(method, _BASE + path, partial(_answered, handler))

    def _endpoints(self, request: Request) -> object:
        return {"items": [endpoint.as_document() for endpoint in self._gateway.webhooks.all()]}

    def _register(self, request: Request) -> object:
        return self._gateway.webhooks.register(request.document()).as_document()

    def _remove(self, request: Request, id: str) -> object:
        self._gateway.webhooks.remove(id)
        return {}

    def _rotate(self, request: Request, id: str) -> object:
        document = request.document()
        keep_old = document.get("keep_old", True) is not False
        return self._gateway.webhooks.rotate(id, document.get("secret"), keep_old).as_document()

    def _objects(self, request: Request, kind: str) -> object:
        account = request.query.get("account")
        every = self._gateway.store.every(kind)
        return {
            "items": [public(found) for found in every if account in {None, self._gateway.store.owner(found)}],
        }

    def _deliveries(self, request: Request) -> object:
        return {"items": [event.as_document() for event in self._gateway.world.log.select("stripe", "delivery")]}

    def _redeliver(self, request: Request, id: str) -> object:
        event = self._gateway.store.find(id)
        if event is None or event["object"] not in _EVENTS:
            raise LookupError(f"there is no event {id}")
        return {"items": self._gateway.resend(event, request.document().get("endpoint"))}

    def _pay(self, request: Request, id: str) -> object:
        document = request.document()
        return self._try(id, _method(document), document.get("email"))

    def _decline(self, request: Request, id: str) -> object:
        return self._try(id, methods.DECLINED, None)

    def _try(self, id: str, method: Method, email: str | None) -> object:
        session = self._known("checkout.session", id)
        if session["status"] != "open":
            raise StripeError(f"Checkout Session {id} is {session['status']}.")
        error = self._refusal(lambda: self._desks.checkout.pay(session, method, _pages(session), email))
        intent = self._gateway.store.known(session["payment_intent"])
        return {"session": public(session), "payment_intent": public(intent), "error": error, **_next(session, intent)}

    def _authenticate(self, request: Request, id: str) -> object:
        session, passed = self._known("checkout.session", id), _passed(request.document(), "passed")
        intent = self._known("payment_intent", session["payment_intent"] or "")
        if intent["status"] != "requires_action":
            raise StripeError(f"PaymentIntent {intent['id']} is {intent['status']}.")
        error = self._refusal(lambda: self._desks.checkout.authenticate(session, passed))
        return {"session": public(session), "payment_intent": public(intent), "error": error, **_next(session, intent)}

    def _expire(self, request: Request, id: str) -> object:
        session = self._known("checkout.session", id)
        self._act(lambda: self._desks.checkout.expire(session, ""))
        return public(session)

    def _authenticate_intent(self, request: Request, id: str) -> object:
        intent, passed = self._known("payment_intent", id), _passed(request.document(), "passed")
        if intent["status"] != "requires_action":
            raise StripeError(f"PaymentIntent {id} is {intent['status']}.")
        error = self._refusal(lambda: self._desks.payments.authenticate(intent, passed))
        return {"payment_intent": public(intent), "error": error}

    def _settle(self, request: Request, id: str) -> object:
        intent, cleared = self._known("payment_intent", id), _passed(request.document(), "cleared")
        if intent["status"] != "processing":
            raise StripeError(f"PaymentIntent {id} is {intent['status']}.")
        self._act(lambda: self._desks.payments.settle(intent, cleared))
        return public(intent)

    def _decide_refund(self, request: Request, id: str, outcome: str) -> object:
        refund = self._known("refund", id)
        ends: Mapping[str, Callable[[Document], None]] = {
            "fail": self._desks.refunds.fail,
            "succeed": self._desks.refunds.succeed,
        }
        if outcome not in ends:
            raise LookupError(f"{outcome!r} is not one of {', '.join(ends)}")
        self._act(lambda: ends[outcome](refund))
        return public(refund)

    def _fail_payout(self, request: Request, id: str) -> object:
        payout, code = self._known("payout", id), str(request.document().get("code", "account_closed"))
        self._act(lambda: self._desks.payouts.fail(payout, code))
        return public(payout)

    def _dispute(self, request: Request) -> object:
        document = request.document()
        charge_id = document.get("charge")
        if charge_id is None:
            charge_id = self._known("payment_intent", str(document.get("payment_intent")))["latest_charge"]
        charge, reason = self._known("charge", str(charge_id)), str(document.get("reason", "fraudulent"))
        opened: list[Document] = []
        self._act(lambda: opened.append(self._desks.disputes.open(charge, document.get("amount"), reason)))
        return public(opened[0])

    def _decide_dispute(self, request: Request, id: str, outcome: str) -> object:
        dispute = self._known("dispute", id)
        self._act(lambda: self._desks.disputes.decide(dispute, outcome))
        return public(dispute)

    def _move_account(self, request: Request, id: str, state: str) -> object:
        account = self._known("account", id)
        self._act(lambda: self._desks.accounts.move(account, state))
        return public(account)

    def _top_up(self, request: Request) -> object:
        document = request.document()
        amount, account = document.get("amount"), document.get("account")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount == 0:
            raise ValueError(f"amount {amount!r} is not a whole number of minor units")
        source = {"id": self._gateway.new_id("tu"), "currency": read_currency(str(document.get("currency", "")))}
        self._act(lambda: self._gateway.ledger.post("topup", amount, source, account))
        return self._gateway.ledger.balance(account)

    def _known(self, kind: str, object_id: str) -> Document:
        found = self._gateway.store.find(object_id)
        if found is None or found["object"] != kind:
            raise LookupError(f"there is no {kind} {object_id}")
        return found

    def _act(self, action: Callable[[], object]) -> None:
        with self._gateway.acting():
            action()

    def _refusal(self, action: Callable[[], object]) -> object:
        """Act, and return the error a payer would be shown, None for success."""
        try:
            self._act(action)
        except StripeError as refusal:
            return refusal.document()["error"]
        return None


def _answered(handler: Callable[..., object], request: Request, **ids: str) -> Response:
    try:
        return json_response(handler(request, **ids))
    except StripeError as refusal:
        return json_response({"problem": str(refusal)}, 409)


def _next(session: Document, intent: Document) -> dict[str, Any]:
    """Tell where the browser would go."""
    if intent["next_action"] is not None:
        return {"redirect_url": intent["next_action"]["redirect_to_url"]["url"]}
    return {"redirect_url": after_payment(session) if session["status"] == "complete" else None}


def _pages(session: Document) -> str:
    return str(session["url"]).rsplit("/pay/", 1)[0]


def _method(document: Mapping[str, Any]) -> Method:
    """Read {"card": number} or {"payment_method": "pm_…"}, a good card when neither is given."""
    if document.get("payment_method"):
        return methods.by_token(str(document["payment_method"]))
    return methods.by_number(str(document.get("card", methods.VISA.number)))


def _passed(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name, True)
    if not isinstance(value, bool):
        raise ValueError(f"{name} {value!r} is neither true nor false")
    return value
