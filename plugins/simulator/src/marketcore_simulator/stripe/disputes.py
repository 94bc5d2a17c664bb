"""Disputes: the payer's bank takes the money back until the case is decided."""

from marketcore_simulator.stripe.accepted import DISPUTE_UPDATE
from marketcore_simulator.stripe.currencies import exponent
from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.store import Document

_FEE = 15
_DAYS_TO_ANSWER = 7 * 86_400
_DECIDED = ("won", "lost")

#: Words in evidence[uncategorized_text] that decide a case in test mode.
_DECIDING_EVIDENCE = {"winning_evidence": "won", "losing_evidence": "lost"}


class DisputeDesk:
    """Open disputes, take evidence, decide."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def open(self, charge: Document, amount: int | None = None, reason: str = "fraudulent") -> Document:
        """Dispute a paid charge; the amount and a fee leave the balance at once."""
        if not charge["captured"] or charge["disputed"]:
            raise ValueError(f"charge {charge['id']} was not captured or is disputed already")
        left = charge["amount_captured"] - charge["amount_refunded"]
        amount = left if amount is None else amount
        if not 1 <= amount <= left:
            raise ValueError(f"amount {amount} is not between 1 and the {left} that were not refunded")
        charge["disputed"] = True
        dispute = self._blank(charge, amount, reason)
        self._gateway.store.add(dispute, self._gateway.store.owner(charge))
        self._gateway.follow(dispute)
        self._move(dispute, -amount, "dispute", fee=_FEE * 10 ** exponent(charge["currency"]))
        self._tell("charge.dispute.created", dispute)
        self._tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def update(self, dispute: Document, params: Params) -> None:
        """Add evidence; `submit` hands it in, and test evidence decides the case some time later."""
        params.only(DISPUTE_UPDATE)
        self._check_undecided(dispute)
        evidence = params.group("evidence")
        given = {name: evidence.text(name) for name in evidence.names()}
        dispute["evidence"].update(given)
        dispute["metadata"].update(params.metadata())
        dispute["evidence_details"]["has_evidence"] = bool(dispute["evidence"])
        if "submit" not in params or params.flag("submit"):
            self._submit(dispute)
        self._tell("charge.dispute.updated", dispute)

    def decide(self, dispute: Document, outcome: str) -> None:
        """Close a case as won or lost; winning returns the money."""
        if outcome not in _DECIDED:
            raise ValueError(f"outcome {outcome!r} is not one of {', '.join(_DECIDED)}")
        self._check_undecided(dispute)
        dispute["status"] = outcome
        if outcome == "won":
            charge = self._gateway.store.known(dispute["charge"])
            charge["disputed"] = False
            self._move(dispute, dispute["amount"], "dispute_reversal")
        self._tell("charge.dispute.closed", dispute)
        if outcome == "won":
            self._tell("charge.dispute.funds_reinstated", dispute)

    def _submit(self, dispute: Document) -> None:
        dispute["status"] = "under_review"
        dispute["evidence_details"]["submission_count"] += 1
        outcome = _DECIDING_EVIDENCE.get(dispute["evidence"].get("uncategorized_text") or "")
        if outcome is not None:
            after = self._gateway.world.settings.stripe_settles_after
            self._gateway.later(after, lambda: self._decide_unless_decided(dispute, outcome))

    def _decide_unless_decided(self, dispute: Document, outcome: str) -> None:
        if dispute["status"] not in _DECIDED:
            self.decide(dispute, outcome)

    def _check_undecided(self, dispute: Document) -> None:
        if dispute["status"] in _DECIDED:
            raise StripeError(f"This dispute is already closed: it was {dispute['status']}.")

    def _move(self, dispute: Document, amount: int, category: str, fee: int = 0) -> None:
        account = self._gateway.store.owner(dispute)
        movement = self._gateway.ledger.post("adjustment", amount, dispute, account, fee=fee, category=category)
        dispute["balance_transactions"].append(movement)

    def _blank(self, charge: Document, amount: int, reason: str) -> Document:
        now = self._gateway.now()
        return {
            "id": self._gateway.new_id("du"),
            "object": "dispute",
            "amount": amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": now,
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                "due_by": now + _DAYS_TO_ANSWER,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "payment_method_details": {"card": {"brand": "visa", "network_reason_code": "10.4"}, "type": "card"},
            "reason": reason,
            "status": "needs_response",
        }

    def _tell(self, kind: str, dispute: Document) -> None:
        self._gateway.emit(kind, dispute, self._gateway.store.owner(dispute))
