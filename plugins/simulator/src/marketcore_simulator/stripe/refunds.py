"""Refunds: money back to the payer, whatever became of the money since."""

from marketcore_simulator.stripe.accepted import REFUND
from marketcore_simulator.stripe.currencies import check_unit, written
from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.store import Document
from marketcore_simulator.stripe.transfers import TransferDesk

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


class RefundDesk:
    """Refund charges in whole or in part; pending refunds succeed or fail by card or script."""

    def __init__(self, gateway: Gateway, transfers: TransferDesk) -> None:
        self._gateway = gateway
        self._transfers = transfers

    def create(self, params: Params, account: str | None) -> Document:
        """Make a refund of a charge, named by itself or by its PaymentIntent."""
        params.only(REFUND)
        charge = self._charge(params, account)
        amount = self._amount(charge, params)
        reason = params.choice("reason", _REASONS)
        transfer = self._transfer_to_reverse(charge, params)
        fee_too = self._fee_to_refund(charge, params)
        refund = self._blank(charge, amount, params.metadata(), reason)
        if transfer is not None:
            part = amount * transfer["amount"] // charge["amount_captured"]
            reversal = self._transfers.take_back(transfer, part, {}, refund)
            refund["transfer_reversal"] = reversal["id"]
        if fee_too:
            self._transfers.fees.refund(charge, amount, charge["amount_captured"])
        self._gateway.store.add(refund, account)
        self._gateway.follow(refund)
        self._move(refund, charge)
        return refund

    def fail(self, refund: Document, reason: str = "expired_or_canceled_card") -> None:
        """Let the payer's bank send the money back: also a refund that succeeded may fail later."""
        if refund["status"] not in {"pending", "succeeded"}:
            raise StripeError(f"Refund {refund['id']} is {refund['status']} already.")
        charge = self._gateway.store.known(refund["charge"])
        account = self._gateway.store.owner(refund)
        refund.update(status="failed", failure_reason=reason, pending_reason=None)
        returned = self._gateway.ledger.post("refund_failure", refund["amount"], refund, account)
        refund["failure_balance_transaction"] = returned["id"]
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False
        self._tell("refund.updated", refund, refund)
        self._tell("refund.failed", refund, refund)

    def succeed(self, refund: Document) -> None:
        """Let a pending refund arrive; do nothing with another."""
        if refund["status"] == "pending":
            refund.update(status="succeeded", pending_reason=None)
            self._tell("refund.updated", refund, refund)

    def _charge(self, params: Params, account: str | None) -> Document:
        store, charge_id, intent_id = self._gateway.store, params.text("charge"), params.text("payment_intent")
        if (charge_id is None) == (intent_id is None):
            raise StripeError("One of the following params should be provided: charge or payment_intent.")
        if intent_id is not None:
            intent = store.get("payment_intent", intent_id, account, "payment_intent", 404)
            if intent["status"] != "succeeded":
                raise StripeError(
                    f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.",
                    None,
                    "payment_intent",
                )
            charge_id = intent["latest_charge"]
        return store.get("charge", charge_id or "", account, "charge", 404)

    def _amount(self, charge: Document, params: Params) -> int:
        left = charge["amount_captured"] - charge["amount_refunded"]
        if charge["status"] != "succeeded" or not charge["captured"]:
            raise StripeError(f"Charge {charge['id']} has not been captured.", "charge_not_refundable", kept=True)
        if charge["refunded"] or left == 0:
            message = f"Charge {charge['id']} has already been refunded."
            raise StripeError(message, "charge_already_refunded", kept=True)
        if charge["disputed"]:
            message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
            raise StripeError(message, "charge_disputed", kept=True)
        amount = params.positive("amount") or left
        check_unit(amount, charge["currency"])
        if amount > left:
            asked, most = (written(number, charge["currency"]) for number in (amount, left))
            raise StripeError(
                f"Refund amount ({asked}) is greater than unrefunded amount on charge ({most})", None, "amount"
            )
        return amount

    def _transfer_to_reverse(self, charge: Document, params: Params) -> Document | None:
        if not params.flag("reverse_transfer"):
            return None
        if not charge.get("transfer"):
            raise StripeError("The charge has no transfer to reverse.", None, "reverse_transfer")
        return self._gateway.store.known(charge["transfer"])

    def _fee_to_refund(self, charge: Document, params: Params) -> bool:
        if params.flag("refund_application_fee") and not charge["application_fee"]:
            raise StripeError("The charge has no application fee to refund.", None, "refund_application_fee")
        return params.flag("refund_application_fee")

    def _move(self, refund: Document, charge: Document) -> None:
        gateway, account = self._gateway, self._gateway.store.owner(refund)
        movement = gateway.ledger.post("refund", -refund["amount"], refund, account)
        refund["balance_transaction"] = movement["id"]
        charge["amount_refunded"] += refund["amount"]
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
        self._tell("refund.created", refund, refund)
        self._tell("charge.refunded", charge, refund)
        after = gateway.world.settings.stripe_settles_after
        if refund["status"] == "pending":
            ends = self.fail if self._ending(refund, charge) == "failed" else self.succeed
            gateway.later(after, lambda: ends(refund))
        elif self._ending(refund, charge) == "failed":
            gateway.later(after, lambda: self._fail_unless_failed(refund))

    def _fail_unless_failed(self, refund: Document) -> None:
        if refund["status"] != "failed":
            self.fail(refund)

    def _ending(self, refund: Document, charge: Document) -> str:
        if self._gateway.follows(refund, "pending_then_failed"):
            return "failed"
        return str(charge["_method"].refund)

    def _blank(self, charge: Document, amount: int, metadata: dict[str, str], reason: str | None) -> Document:
        script = self._gateway.script
        scripted = script is not None and script.name in {"pending_then_succeeded", "pending_then_failed"}
        pending = scripted or charge["_method"].refund == "pending"
        return {
            "id": self._gateway.new_id("re" if charge["_method"].kind == "card" else "pyr"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": self._gateway.now(),
            "currency": charge["currency"],
            "destination_details": {"type": charge["_method"].kind, charge["_method"].kind: {}},
            "metadata": metadata,
            "payment_intent": charge["payment_intent"],
            "pending_reason": "processing" if pending else None,
            "reason": reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "pending" if pending else "succeeded",
            "transfer_reversal": None,
        }

    def _tell(self, kind: str, document: Document, refund: Document) -> None:
        self._gateway.emit(kind, document, self._gateway.store.owner(refund), about=refund)
