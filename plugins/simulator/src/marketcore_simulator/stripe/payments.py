"""PaymentIntents: attempts to pay one amount until one succeeds."""

from collections.abc import Callable

from marketcore_simulator.stripe import methods
from marketcore_simulator.stripe.charges import ChargeDesk
from marketcore_simulator.stripe.currencies import check_charge, read_currency, written
from marketcore_simulator.stripe.errors import StripeError, wrong_state
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.intents import blank_intent
from marketcore_simulator.stripe.methods import Method
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.store import Document, public
from marketcore_simulator.stripe.transfers import TransferDesk

_CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
_CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")
CANCELLATION_REASONS = ("duplicate", "fraudulent", "requested_by_customer", "abandoned")


class PaymentDesk:
    """Create, confirm, capture and cancel PaymentIntents.

    `settled` is called with a PaymentIntent whose asynchronous payment was decided, or that was captured;
    `disputed` with a charge whose card is the kind that gets disputed.
    """

    def __init__(self, gateway: Gateway, transfers: TransferDesk) -> None:
        self._gateway = gateway
        self._transfers = transfers
        self._charges = ChargeDesk(gateway, transfers)
        self.settled: Callable[[Document], object] = lambda _intent: None
        self.disputed: Callable[[Document], object] = lambda _charge: None

    def create(self, params: Params, account: str | None) -> Document:
        """Make a PaymentIntent from the parameters of its API."""
        currency = read_currency(params.required_text("currency"))
        amount = params.required_integer("amount")
        check_charge(amount, currency)
        method = method_of(params)
        intent = self.open(amount, currency, params, account)
        if method is not None:
            intent.update(_method=method, payment_method=self._gateway.new_id("pm"), status="requires_confirmation")
        return intent

    def open(
        self, amount: int, currency: str, data: Params, account: str | None, session: Document | None = None
    ) -> Document:
        """Make a PaymentIntent over a checked amount; `data` holds what may accompany it, `session` asked for it."""
        gateway = self._gateway
        intent = blank_intent(gateway.new_id("pi"), amount, currency, gateway.now())
        intent["client_secret"] = f"{intent['id']}_secret_{gateway.world.ids.letters('secret', 24)}"
        intent["metadata"] = data.metadata()
        for name in ("customer", "description", "on_behalf_of", "receipt_email", "statement_descriptor"):
            intent[name] = data.text(name)
        intent["capture_method"] = data.choice(
            "capture_method", ("automatic", "automatic_async", "manual"), "automatic"
        )
        intent["transfer_group"] = data.text("transfer_group")
        intent.update(self.routing(amount, data, account))
        if session is not None:
            intent["_session"] = session["id"]
            intent["receipt_email"] = intent["receipt_email"] or session["customer_email"]
        gateway.store.add(intent, account)
        gateway.follow(intent, session)
        gateway.emit("payment_intent.created", intent, account)
        return intent

    def routing(self, amount: int, data: Params, account: str | None) -> Document:
        """Return transfer_data and application_fee_amount, checked against the amount and the destination."""
        transfer = data.group("transfer_data")
        destination, fee = transfer.text("destination"), data.positive("application_fee_amount")
        if "transfer_data" in data:
            destination = transfer.required_text("destination")
            self._transfers.recipient(destination, transfer.name("destination"))
        if fee is not None and destination is None and account is None:
            message = "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment "
            raise StripeError(message + "or a destination payment.", None, data.name("application_fee_amount"))
        part = transfer.positive("amount")
        for name, share in ((data.name("application_fee_amount"), fee), (transfer.name("amount"), part)):
            if share is not None and share > amount:
                raise StripeError(f"{name} ({share}) must not exceed the amount ({amount}).", None, name)
        named = None if destination is None else {"destination": destination, **({"amount": part} if part else {})}
        return {"transfer_data": named, "application_fee_amount": fee}

    def confirm(self, intent: Document, method: Method, base_url: str, return_url: str | None = None) -> None:
        """Try to pay; raise StripeError (402) when the method is declined."""
        if intent["status"] not in _CONFIRMABLE:
            raise _unexpected(intent, "confirm", "confirmed", _CONFIRMABLE)
        intent.update(payment_method=self._gateway.new_id("pm"), last_payment_error=None, next_action=None)
        intent["_method"] = method
        if method.answer == "decline":
            self._decline(intent, method)
        elif method.answer == "challenge":
            self._challenge(intent, base_url, return_url)
        elif method.answer == "later":
            self._wait(intent, method)
        else:
            self._succeed(intent, method)

    def authenticate(self, intent: Document, passed: bool) -> None:
        """Answer the 3-D Secure challenge; raise StripeError when it failed."""
        if intent["status"] != "requires_action":
            raise _unexpected(intent, "authenticate", "authenticated", ("requires_action",))
        intent["next_action"] = None
        if passed:
            self._succeed(intent, intent["_method"].authenticated())
            return
        message = (
            "We are unable to authenticate your payment method. Please choose a different payment method and try again."
        )
        self._fail(intent, {"code": "payment_intent_authentication_failure", "message": message, "type": "card_error"})

    def capture(self, intent: Document, params: Params) -> None:
        """Take an authorized amount, or less of it."""
        if intent["status"] != "requires_capture":
            raise _unexpected(intent, "capture", "captured", ("requires_capture",))
        amount = params.positive("amount_to_capture") or intent["amount_capturable"]
        if amount > intent["amount_capturable"]:
            most = written(intent["amount_capturable"], intent["currency"])
            raise StripeError(
                f"The amount to capture is greater than the capturable {most}.", None, "amount_to_capture"
            )
        charge = self._gateway.store.known(intent["latest_charge"])
        self._charges.capture(charge, amount)
        intent.update(amount_capturable=0, amount_received=amount, status="succeeded")
        self._tell("charge.captured", charge, intent)
        self._tell("payment_intent.succeeded", intent, intent)
        self.settled(intent)

    def cancel(self, intent: Document, reason: str | None) -> None:
        """Give up a PaymentIntent that has not succeeded."""
        if intent["status"] not in _CANCELABLE:
            raise _unexpected(intent, "cancel", "canceled", _CANCELABLE)
        intent.update(status="canceled", canceled_at=self._gateway.now(), cancellation_reason=reason)
        intent.update(amount_capturable=0, next_action=None)
        self._tell("payment_intent.canceled", intent, intent)

    def settle(self, intent: Document, cleared: bool) -> None:
        """Decide an asynchronous payment that is processing; do nothing when it was decided before."""
        if intent["status"] != "processing":
            return
        charge = self._gateway.store.known(intent["latest_charge"])
        if cleared:
            self._charges.capture(charge, intent["amount"])
            intent.update(status="succeeded", amount_received=intent["amount"])
            self._tell("charge.succeeded", charge, intent)
            self._tell("payment_intent.succeeded", intent, intent)
        else:
            charge.update(status="failed", failure_code="payment_method_customer_decline")
            charge["failure_message"] = "The customer's bank refused the debit."
            self._tell("charge.failed", charge, intent)
            self._rejected(intent, {"code": charge["failure_code"], "message": charge["failure_message"]})
        self.settled(intent)

    def _succeed(self, intent: Document, method: Method) -> None:
        charge = self._charges.make(intent, method, "succeeded")
        if intent["capture_method"] == "manual":
            intent.update(status="requires_capture", amount_capturable=intent["amount"])
            self._tell("charge.succeeded", charge, intent)
            self._tell("payment_intent.amount_capturable_updated", intent, intent)
            return
        self._charges.capture(charge, intent["amount"])
        intent.update(status="succeeded", amount_received=intent["amount"])
        self._tell("charge.succeeded", charge, intent)
        self._tell("payment_intent.succeeded", intent, intent)
        if method.disputed:
            self.disputed(charge)

    def _decline(self, intent: Document, method: Method) -> None:
        charge = self._charges.make(intent, method, "failed")
        self._tell("charge.failed", charge, intent)
        error = {
            "charge": charge["id"],
            "code": method.code,
            "decline_code": method.decline_code,
            "message": method.message,
            "type": "card_error",
        }
        self._fail(intent, {name: value for name, value in error.items() if value is not None})

    def _fail(self, intent: Document, error: Document) -> None:
        self._rejected(intent, error)
        members = {name: value for name, value in error.items() if name not in {"message", "code", "type"}}
        raise StripeError(
            error["message"],
            error["code"],
            status=402,
            kind="card_error",
            kept=True,
            payment_intent=public(intent),
            **members,
        )

    def _rejected(self, intent: Document, error: Document) -> None:
        intent.update(status="requires_payment_method", last_payment_error=error, payment_method=None)
        self._tell("payment_intent.payment_failed", intent, intent)

    def _challenge(self, intent: Document, base_url: str, return_url: str | None) -> None:
        url = f"{base_url}/challenge/{intent['id']}"
        redirect = {"return_url": return_url, "url": url}
        intent.update(status="requires_action", next_action={"type": "redirect_to_url", "redirect_to_url": redirect})
        self._tell("payment_intent.requires_action", intent, intent)

    def _wait(self, intent: Document, method: Method) -> None:
        charge = self._charges.make(intent, method, "pending")
        intent["status"] = "processing"
        self._tell("charge.pending", charge, intent)
        self._tell("payment_intent.processing", intent, intent)
        cleared = method.settles and not self._gateway.follows(intent, "pending_then_failed")
        self._gateway.later(self._gateway.world.settings.stripe_settles_after, lambda: self.settle(intent, cleared))

    def _tell(self, kind: str, document: Document, intent: Document) -> None:
        self._gateway.emit(kind, document, self._gateway.store.owner(intent))


def method_of(params: Params) -> Method | None:
    """Return the payment method a request names, if it names one."""
    token = params.text("payment_method")
    return None if token is None else methods.by_token(token)


def _unexpected(intent: Document, verb: str, done: str, allowed: tuple[str, ...]) -> StripeError:
    return wrong_state(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
        f"with one of the following statuses may be {done}: {', '.join(allowed)}.",
        payment_intent=public(intent),
    )
