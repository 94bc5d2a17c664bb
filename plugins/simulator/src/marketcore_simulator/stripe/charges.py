"""Charges: one attempt to take money, and what it moves."""

from typing import Any

from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.methods import Method
from marketcore_simulator.stripe.store import Document
from marketcore_simulator.stripe.transfers import TransferDesk

_OUTCOMES = {
    "succeeded": ("authorized", "approved_by_network", "Payment complete."),
    "pending": ("authorized", "approved_by_network", "Payment pending."),
    "failed": ("issuer_declined", "declined_by_network", "The bank did not return any further details."),
}


class ChargeDesk:
    """Make charges for PaymentIntents."""

    def __init__(self, gateway: Gateway, transfers: TransferDesk) -> None:
        self._gateway = gateway
        self._transfers = transfers

    def make(self, intent: Document, method: Method, status: str) -> Document:
        """Record an attempt that succeeded, failed, or is pending; its funds move when it is captured."""
        charge = {**_blank(intent), **self._attempt(intent, method, status), "_method": method}
        charge["id"] = self._gateway.new_id("ch" if method.kind == "card" else "py")
        intent["latest_charge"] = charge["id"]
        self._gateway.store.add(charge, self._gateway.store.owner(intent))
        self._gateway.follow(charge, intent)
        return charge

    def capture(self, charge: Document, amount: int) -> None:
        """Take the money: balance, application fee, transfer to the destination."""
        gateway, account = self._gateway, self._gateway.store.owner(charge)
        charge.update(captured=True, amount_captured=amount, status="succeeded", paid=True)
        movement = gateway.ledger.post(
            "charge" if charge["_method"].kind == "card" else "payment",
            amount,
            charge,
            account,
            fee=gateway.ledger.charge_fee(amount),
            available_on=gateway.ledger.funds_available_on(charge["_method"].available_at_once),
        )
        charge["balance_transaction"] = movement["id"]
        if charge["transfer_data"] is not None:
            self._transfers.to_destination(charge, amount)

    def _attempt(self, intent: Document, method: Method, status: str) -> dict[str, Any]:
        kind, network, seller_message = _OUTCOMES[status]
        declined = status == "failed"
        return {
            "created": self._gateway.now(),
            "paid": status == "succeeded",
            "status": status,
            "failure_code": method.code if declined else None,
            "failure_message": method.message if declined else None,
            "outcome": {
                "advice_code": None,
                "network_advice_code": None,
                "network_decline_code": None,
                "network_status": network,
                "reason": method.decline_code if declined else None,
                "risk_level": "normal",
                "seller_message": seller_message,
                "type": kind,
            },
            "payment_method": intent["payment_method"],
            "payment_method_details": method.details(),
        }


def _blank(intent: Document) -> Document:
    return {
        "id": "",
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": intent["application_fee_amount"],
        "balance_transaction": None,
        "billing_details": {"address": None, "email": intent["receipt_email"], "name": None, "phone": None},
        "calculated_statement_descriptor": "SIMULATED",
        "captured": False,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": intent["on_behalf_of"],
        "payment_intent": intent["id"],
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "transfer_data": intent["transfer_data"],
        "transfer_group": intent["transfer_group"],
    }
