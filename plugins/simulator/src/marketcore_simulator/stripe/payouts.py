"""Payouts: from a Stripe balance to a bank account."""

from marketcore_simulator.stripe.accepted import PAYOUT
from marketcore_simulator.stripe.currencies import check_payout, read_currency
from marketcore_simulator.stripe.errors import StripeError, too_poor
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.store import Document

_ARRIVAL = 2 * 86_400


class PayoutDesk:
    """Pay out of the platform's balance or a connected account's."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def create(self, params: Params, account: str | None) -> Document:
        """Make a payout of available funds; it is paid, or fails under pending_then_failed, some time later."""
        params.only(PAYOUT)
        currency = read_currency(params.required_text("currency"))
        amount = params.positive("amount") or params.required_integer("amount")
        check_payout(amount, currency)
        self._check_allowed(account)
        self._afford(amount, currency, account)
        payout = self._blank(amount, currency, params)
        self._gateway.store.add(payout, account)
        self._gateway.follow(payout)
        movement = self._gateway.ledger.post("payout", -amount, payout, account)
        payout["balance_transaction"] = movement["id"]
        self._tell("payout.created", payout)
        self._gateway.later(self._gateway.world.settings.stripe_settles_after, lambda: self._arrive(payout))
        return payout

    def fail(self, payout: Document, code: str = "account_closed") -> None:
        """Let the bank send the money back; also a payout that was paid may fail later."""
        if payout["status"] in {"failed", "canceled"}:
            raise StripeError(f"Payout {payout['id']} is {payout['status']} already.")
        returned = self._return(payout)
        payout.update(status="failed", failure_code=code, failure_balance_transaction=returned["id"])
        payout["failure_message"] = "The bank account has been closed." if code == "account_closed" else code
        self._tell("payout.failed", payout)

    def cancel(self, payout: Document) -> None:
        """Take back a pending payout."""
        if payout["status"] != "pending":
            raise StripeError(f"Payouts can only be canceled while pending; this one is {payout['status']}.")
        self._return(payout)
        payout["status"] = "canceled"
        self._tell("payout.canceled", payout)

    def _return(self, payout: Document) -> Document:
        account = self._gateway.store.owner(payout)
        return self._gateway.ledger.post("payout_failure", payout["amount"], payout, account)

    def _arrive(self, payout: Document) -> None:
        if payout["status"] != "pending":
            return
        if self._gateway.follows(payout, "pending_then_failed"):
            self.fail(payout)
        else:
            payout["status"] = "paid"
            self._tell("payout.paid", payout)

    def _check_allowed(self, account_id: str | None) -> None:
        if account_id is None:
            return
        account = self._gateway.store.known(account_id)
        if not account["payouts_enabled"]:
            message = "Cannot create payouts: this account has requirements that need to be collected."
            raise StripeError(message, "payouts_not_allowed")

    def _afford(self, amount: int, currency: str, account: str | None) -> None:
        script = self._gateway.script
        short = script is not None and script.name == "insufficient"
        if short or self._gateway.ledger.available(account, currency) < amount:
            raise too_poor(
                "You have insufficient funds in your Stripe account for this transfer. "
                "Your card balance is too low. You can use the /v1/balance endpoint to view your Stripe balance."
            )

    def _blank(self, amount: int, currency: str, params: Params) -> Document:
        now = self._gateway.now()
        return {
            "id": self._gateway.new_id("po"),
            "object": "payout",
            "amount": amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": now + _ARRIVAL,
            "automatic": False,
            "balance_transaction": None,
            "created": now,
            "currency": currency,
            "description": params.text("description"),
            "destination": params.text("destination") or self._gateway.new_id("ba"),
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "livemode": False,
            "metadata": params.metadata(),
            "method": params.choice("method", ("standard", "instant"), "standard"),
            "original_payout": None,
            "reconciliation_status": "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": params.text("statement_descriptor", longest=22),
            "status": "pending",
            "trace_id": None,
            "type": "bank_account",
        }

    def _tell(self, kind: str, payout: Document) -> None:
        self._gateway.emit(kind, payout, self._gateway.store.owner(payout))
