"""Transfers to connected accounts, and their reversals."""

from marketcore_simulator.stripe.currencies import check_unit, read_currency, written
from marketcore_simulator.stripe.errors import StripeError, too_poor
from marketcore_simulator.stripe.fees import FeeDesk
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.store import Document

ACCEPTED = frozenset(
    "amount currency description destination metadata source_transaction source_type transfer_group".split()
)
_REVERSAL_ACCEPTED = frozenset("amount description metadata refund_application_fee".split())


class TransferDesk:
    """Move money between the platform's balance and connected accounts."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.fees = FeeDesk(gateway)

    def create(self, params: Params) -> Document:
        """Make a transfer out of the available balance, or out of one charge named by source_transaction."""
        params.only(ACCEPTED)
        currency = read_currency(params.required_text("currency"))
        account = self.recipient(params.required_text("destination"), "destination")
        charge = self._source(params, currency)
        amount = params.positive("amount") or self._default_amount(charge)
        check_unit(amount, currency)
        self._afford(amount, currency, charge)
        transfer = self._blank(amount, currency, account["id"], charge)
        transfer["description"] = params.text("description")
        transfer["metadata"] = params.metadata()
        transfer["transfer_group"] = params.text("transfer_group") or transfer["transfer_group"]
        self._gateway.follow(transfer)
        return self._send(transfer, charge)

    def recipient(self, account_id: str, param: str) -> Document:
        """Return the connected account; refuse one that is unknown or cannot receive transfers."""
        account = self._gateway.store.get("account", account_id, None, param, 400)
        if account["capabilities"].get("transfers") != "active":
            raise StripeError(
                "Your destination account needs to have at least one of the following capabilities enabled: "
                "transfers, crypto_transfers, legacy_payments",
                "insufficient_capabilities_for_transfer",
                param,
            )
        return account

    def to_destination(self, charge: Document, captured: int) -> None:
        """Pass a destination charge on: the whole of it, less `application_fee_amount` taken back as a fee."""
        data = charge["transfer_data"]
        amount = data.get("amount") or captured
        transfer = self._blank(amount, charge["currency"], data["destination"], charge)
        self._gateway.follow(transfer, charge)
        fee = charge["application_fee_amount"] or 0
        self._send(transfer, charge, fee)
        charge["transfer"] = transfer["id"]
        if fee:
            self.fees.take(charge, transfer)

    def reverse(self, transfer: Document, params: Params) -> Document:
        """Take back a transfer or part of it from the connected account's balance."""
        params.only(_REVERSAL_ACCEPTED)
        left = transfer["amount"] - transfer["amount_reversed"]
        amount = params.positive("amount") or left
        if amount > left or left == 0:
            raise StripeError(
                f"Transfer reversal amount ({written(amount, transfer['currency'])}) is greater than "
                f"unreversed amount on transfer ({written(left, transfer['currency'])})",
                None,
                "amount",
            )
        reversal = self.take_back(transfer, amount, params.metadata())
        charge = self._gateway.store.find(transfer["source_transaction"] or "")
        if params.flag("refund_application_fee") and charge is not None and charge["application_fee"]:
            self.fees.refund(charge, amount, transfer["amount"])
        return reversal

    def take_back(
        self, transfer: Document, amount: int, metadata: dict[str, str], refund: Document | None = None
    ) -> Document:
        """Reverse `amount` of a transfer; refuse when the connected account has not got it."""
        ledger, destination, currency = self._gateway.ledger, transfer["destination"], transfer["currency"]
        if ledger.total(destination, currency) < amount:
            raise too_poor(
                f"Insufficient funds in account {destination} to reverse {written(amount, currency)}: "
                f"its balance is {written(ledger.total(destination, currency), currency)}."
            )
        reversal = self._reversal(transfer, amount, metadata, refund)
        available_on = self._gateway.store.known(transfer["balance_transaction"])["available_on"]
        payment = self._gateway.store.known(transfer["destination_payment"])
        ledger.post("payment_refund", -amount, payment, destination, available_on=available_on)
        reversal["balance_transaction"] = ledger.post("transfer_refund", amount, reversal)["id"]
        transfer["amount_reversed"] += amount
        transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
        transfer["reversals"]["data"].insert(0, reversal)
        transfer["reversals"]["total_count"] += 1
        self._gateway.emit("transfer.reversed", transfer, about=refund)
        return reversal

    def _source(self, params: Params, currency: str) -> Document | None:
        charge_id = params.text("source_transaction")
        if charge_id is None:
            return None
        charge = self._gateway.store.get("charge", charge_id, None, "source_transaction", 400)
        if charge["currency"] != currency:
            raise StripeError(
                f"The currency of source_transaction's balance transaction ({charge['currency']}) must be the same "
                f"as the transfer currency ({currency})",
                None,
                "currency",
            )
        return charge

    def _default_amount(self, charge: Document | None) -> int:
        if charge is None:
            raise StripeError("Missing required param: amount.", "parameter_missing", "amount")
        return int(charge["amount_captured"])

    def _afford(self, amount: int, currency: str, charge: Document | None) -> None:
        if self._gateway.script is not None and self._gateway.script.name == "insufficient":
            self._refuse_for_balance(currency)
        if charge is None:
            if self._gateway.ledger.available(None, currency) < amount:
                self._refuse_for_balance(currency)
            return
        taken = sum(
            transfer["amount"] - transfer["amount_reversed"]
            for transfer in self._gateway.store.select("transfer", source_transaction=charge["id"])
        )
        if taken + amount > charge["amount_captured"]:
            raise StripeError(
                "Transfers using this transaction as a source must not exceed the source amount of "
                f"{written(charge['amount_captured'], currency)}. (Note: There are already existing transfers using "
                f"this source, totaling {written(taken, currency)}.)",
                None,
                "amount",
            )

    def _refuse_for_balance(self, currency: str) -> None:
        available = written(self._gateway.ledger.available(None, currency), currency)
        raise too_poor(
            f"You have insufficient available funds in your Stripe account ({available}). "
            "Try adding funds directly to your available balance by creating Charges using the 4000000000000077 "
            "test card."
        )

    def _blank(self, amount: int, currency: str, destination: str, charge: Document | None) -> Document:
        transfer_id = self._gateway.new_id("tr")
        reversals = {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/transfers/{transfer_id}/reversals",
        }
        return {
            "id": transfer_id,
            "object": "transfer",
            "amount": amount,
            "amount_reversed": 0,
            "balance_transaction": None,
            "created": self._gateway.now(),
            "currency": currency,
            "description": None,
            "destination": destination,
            "destination_payment": self._gateway.new_id("py"),
            "livemode": False,
            "metadata": {},
            "reversals": reversals,
            "reversed": False,
            "source_transaction": charge["id"] if charge else None,
            "source_type": "card",
            "transfer_group": _group(charge),
        }

    def _send(self, transfer: Document, charge: Document | None, fee: int = 0) -> Document:
        """Move the money, less an application fee; what comes out of a charge is available when the charge is."""
        gateway, available_on = self._gateway, None
        if charge is not None and charge["balance_transaction"]:
            available_on = gateway.store.known(charge["balance_transaction"])["available_on"]
        gateway.store.add(transfer)
        movement = gateway.ledger.post("transfer", -transfer["amount"], transfer, available_on=available_on)
        transfer["balance_transaction"] = movement["id"]
        payment = gateway.store.add(_payment(transfer), transfer["destination"])
        received = gateway.ledger.post(
            "payment", transfer["amount"], payment, transfer["destination"], fee, "application_fee", available_on
        )
        payment["balance_transaction"] = received["id"]
        gateway.emit("transfer.created", transfer)
        return transfer

    def _reversal(self, transfer: Document, amount: int, metadata: dict[str, str], refund: Document | None) -> Document:
        reversal: Document = {
            "id": self._gateway.new_id("trr"),
            "object": "transfer_reversal",
            "amount": amount,
            "balance_transaction": None,
            "created": self._gateway.now(),
            "currency": transfer["currency"],
            "destination_payment_refund": self._gateway.new_id("pyr"),
            "metadata": metadata,
            "source_refund": refund["id"] if refund else None,
            "transfer": transfer["id"],
        }
        return self._gateway.store.add(reversal)


def _group(charge: Document | None) -> str | None:
    if charge is None:
        return None
    return charge["transfer_group"] or f"group_{charge['payment_intent']}"


def _payment(transfer: Document) -> Document:
    """Return the connected account's side of a transfer."""
    return {
        "id": transfer["destination_payment"],
        "object": "charge",
        "amount": transfer["amount"],
        "amount_captured": transfer["amount"],
        "amount_refunded": 0,
        "application_fee": None,
        "balance_transaction": None,
        "captured": True,
        "created": transfer["created"],
        "currency": transfer["currency"],
        "description": None,
        "disputed": False,
        "livemode": False,
        "metadata": {},
        "paid": True,
        "payment_intent": None,
        "refunded": False,
        "source_transfer": transfer["id"],
        "status": "succeeded",
    }
