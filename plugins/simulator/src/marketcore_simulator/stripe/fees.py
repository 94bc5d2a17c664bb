"""Application fees: the platform's share of a destination charge."""

from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.store import Document


class FeeDesk:
    """Take fees and give them back."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def take(self, charge: Document, transfer: Document) -> None:
        """Add the fee of a destination charge to the platform's balance; the payment at the destination bore it."""
        gateway = self._gateway
        fee: Document = {
            "id": gateway.new_id("fee"),
            "object": "application_fee",
            "account": transfer["destination"],
            "amount": charge["application_fee_amount"],
            "amount_refunded": 0,
            "application": "ca_simulated",
            "balance_transaction": None,
            "charge": transfer["destination_payment"],
            "created": gateway.now(),
            "currency": charge["currency"],
            "livemode": False,
            "originating_transaction": charge["id"],
            "refunded": False,
            "refunds": {"object": "list", "data": [], "has_more": False, "url": "/v1/application_fees"},
        }
        gateway.store.add(fee)
        available_on = gateway.store.known(transfer["balance_transaction"])["available_on"]
        received = gateway.ledger.post("application_fee", fee["amount"], fee, available_on=available_on)
        fee["balance_transaction"] = received["id"]
        charge["application_fee"] = fee["id"]
        gateway.emit("application_fee.created", fee)

    def refund(self, charge: Document, part: int, whole: int) -> None:
        """Give back the application fee of a charge in proportion to `part` of `whole`; there must be one."""
        fee = self._gateway.store.known(charge["application_fee"])
        amount = min(fee["amount"] - fee["amount_refunded"], fee["amount"] * part // whole)
        fee["amount_refunded"] += amount
        fee["refunded"] = fee["amount_refunded"] == fee["amount"]
        movement = self._gateway.ledger.post("application_fee_refund", -amount, fee)
        fee["refunds"]["data"].insert(0, self._refund(fee, amount, movement))
        self._gateway.ledger.post("adjustment", amount, fee, fee["account"], category="application_fee_refund")
        self._gateway.emit("application_fee.refunded", fee)

    def _refund(self, fee: Document, amount: int, movement: Document) -> Document:
        return {
            "id": self._gateway.new_id("fr"),
            "object": "fee_refund",
            "amount": amount,
            "balance_transaction": movement["id"],
            "created": self._gateway.now(),
            "currency": fee["currency"],
            "fee": fee["id"],
            "metadata": {},
        }
