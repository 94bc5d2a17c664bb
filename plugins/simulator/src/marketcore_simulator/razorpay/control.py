"""/_sim/razorpay/…: register webhooks, pay orders, end refunds, move payouts, settle."""

from collections.abc import Callable, Mapping

from marketcore_simulator.razorpay import credentials
from marketcore_simulator.razorpay.accounts import STATES
from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.razorpay.face import RazorpayFace
from marketcore_simulator.razorpay.payments import METHODS, Means
from marketcore_simulator.routing import Router
from marketcore_simulator.wsgi import Request, Response, json_response


class RazorpayControl:
    """The control calls of the Razorpay face."""

    def __init__(self, face: RazorpayFace) -> None:
        self._checkout = face.checkout
        self._merchant = face.merchant
        self._webhooks = face.merchant.gateway.webhooks

    def add_routes(self, router: Router) -> None:
        """Add this face's control routes."""
        for method, path, call in (
            ("GET", "webhooks", self._list_webhooks),
            ("POST", "webhooks", self._register_webhook),
            ("POST", "webhooks/{webhook_id}/secret", self._rotate_secret),
            ("POST", "webhooks/{webhook_id}/enable", self._enable_webhook),
            ("POST", "orders/{order_id}/pay", self._pay),
            ("POST", "payments/{payment_id}/authorize", self._authorize_late),
            ("POST", "refunds/{refund_id}/{outcome}", self._decide_refund),
            ("POST", "accounts/{account_id}/{state}", self._move_account),
            ("POST", "payouts/{payout_id}/{state}", self._move_payout),
            ("GET", "balances", self._balances),
            ("POST", "balances", self._deposit),
            ("POST", "settlements", self._settle),
        ):
            router.add(method, f"/_sim/razorpay/{path}", self._answering_refusals(call))

    def _answering_refusals(self, call: Callable[..., Response]) -> Callable[..., Response]:
        """Let a control call say no as the other control calls do."""

        def handler(request: Request, **names: str) -> Response:
            try:
                response = call(request, **names)
            except Refusal as refusal:
                status = 404 if refusal.field == "id" else 409
                return json_response({"problem": refusal.description}, status)
            self._webhooks.deliver_first()
            return response

        return handler

    def _list_webhooks(self, request: Request) -> Response:
        return json_response({"items": [webhook.as_document() for webhook in self._webhooks.all()]})

    def _register_webhook(self, request: Request) -> Response:
        document = request.document()
        url, secret = _text(document, "url"), document.get("secret", credentials.WEBHOOK_SECRET)
        events = document.get("events")
        if not isinstance(secret, str) or not (events is None or isinstance(events, list)):
            raise ValueError("secret must be text and events a list of names")
        made = self._webhooks.register(url, secret, None if events is None else frozenset(map(str, events)))
        return json_response(made.as_document())

    def _rotate_secret(self, request: Request, webhook_id: str) -> Response:
        webhook = self._webhooks.get(webhook_id)
        webhook.secret = _text(request.document(), "secret")
        return json_response(webhook.as_document())

    def _enable_webhook(self, request: Request, webhook_id: str) -> Response:
        webhook = self._webhooks.get(webhook_id)
        webhook.active = True
        return json_response(webhook.as_document())

    def _pay(self, request: Request, order_id: str) -> Response:
        document = request.document()
        succeed = document.get("outcome", "ok")
        if succeed not in {"ok", "fail"}:
            raise ValueError(f"outcome {succeed!r} is neither ok nor fail")
        order = self._merchant.orders.book.get(order_id)
        brought = self._checkout.pay(order, _means(document), succeed=succeed == "ok")
        fields = dict(brought.fields) if brought.leaves else None
        return json_response({"payment": brought.payment.entity(), "callback": fields})

    def _authorize_late(self, request: Request, payment_id: str) -> Response:
        payment = self._merchant.payments.book.get(payment_id)
        self._merchant.payments.authorize_late(payment, capture=request.document().get("capture") is True)
        return json_response(payment.entity())

    def _decide_refund(self, request: Request, refund_id: str, outcome: str) -> Response:
        refund = self._merchant.refunds.book.get(refund_id)
        self._merchant.refunds.decide(refund, outcome)
        return json_response(refund.entity())

    def _move_account(self, request: Request, account_id: str, state: str) -> Response:
        if state not in STATES:
            raise LookupError(f"{state!r} is not one of {', '.join(STATES)}")
        account = self._merchant.accounts.book.get(account_id)
        self._merchant.accounts.move(account, state)
        return json_response(account.product())

    def _move_payout(self, request: Request, payout_id: str, state: str) -> Response:
        payout = self._merchant.payouts.book.get(payout_id)
        self._merchant.payouts.move(payout, state)
        return json_response(payout.entity())

    def _balances(self, request: Request) -> Response:
        return json_response({"payments": self._merchant.balance(), "payouts": self._merchant.payouts.balance})

    def _deposit(self, request: Request) -> Response:
        amount = request.document().get("payouts")
        if not isinstance(amount, int) or isinstance(amount, bool) or amount < 0:
            raise ValueError(f"payouts {amount!r} is not a whole number of paise of 0 or more")
        self._merchant.payouts.deposit(amount)
        return self._balances(request)

    def _settle(self, request: Request) -> Response:
        return json_response(self._merchant.settle().entity())


def _means(document: Mapping[str, object]) -> Means:
    method = str(document.get("method", "upi"))
    if method not in METHODS:
        raise ValueError(f"method {method!r} is not one of {', '.join(METHODS)}")
    return Means(method, vpa=str(document.get("vpa", "success@razorpay")) if method == "upi" else None)


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing or not text")
    return value
