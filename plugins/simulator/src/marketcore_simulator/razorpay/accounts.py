"""Linked accounts of Route: created, asked for documents, then activated or sent back for clarification."""

from dataclasses import dataclass, field

from marketcore_simulator.razorpay import fields
from marketcore_simulator.razorpay.errors import Refusal, no_such_id
from marketcore_simulator.razorpay.fields import Document
from marketcore_simulator.razorpay.gateway import Book, Gateway
from marketcore_simulator.razorpay.webhooks import Notice
from marketcore_simulator.scripts import Script

STATES = ("requested", "needs_clarification", "under_review", "activated", "suspended")

_BUSINESS_TYPES = (
    "individual proprietorship partnership private_limited public_limited llp ngo trust society "
    "not_yet_registered huf other"
).split()
_PHONE = r"\+?[0-9]{8,15}"
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"


@dataclass
class LinkedAccount:
    """A seller; `activation` is the state of its Route product, which alone says whether it may be paid."""

    id: str
    email: str
    phone: str
    legal_business_name: str
    business_type: str
    reference_id: str | None
    notes: dict[str, str]
    created_at: int
    stakeholders: list[dict[str, object]] = field(default_factory=list)
    product_id: str | None = None
    settlements: Document = field(default_factory=dict)
    activation: str = "requested"

    def entity(self) -> dict[str, object]:
        """Return the account as Razorpay shows it."""
        return {
            "id": self.id,
            "type": "route",
            "status": "suspended" if self.activation == "suspended" else "created",
            "email": self.email,
            "phone": self.phone,
            "legal_business_name": self.legal_business_name,
            "business_type": self.business_type,
            "reference_id": self.reference_id,
            "notes": self.notes or [],
            "created_at": self.created_at,
        }

    def product(self) -> dict[str, object]:
        """Return the configuration of the account's Route product."""
        missing = [] if self.settlements else [{"field_reference": "settlements.account_number"}]
        return {
            "id": self.product_id,
            "account_id": self.id,
            "product_name": "route",
            "activation_status": self.activation,
            "active_configuration": {"settlements": dict(self.settlements)},
            "requirements": missing if self.stakeholders else [*missing, {"field_reference": "stakeholders"}],
            "requested_at": self.created_at,
        }


class AccountDesk:
    """Take sellers in and look at their papers."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.book: Book[LinkedAccount] = Book(gateway.world)

    def create(self, document: Document) -> LinkedAccount:
        """Create a linked account; raise Refusal for a bad field or an address that has one."""
        fields.one_of(document, "type", ("route",))
        email = fields.matching(document, "email", _EMAIL)
        if self.book.where(lambda account: account.email == email):
            raise Refusal("Merchant email already exists for another linked account", "email")
        account = LinkedAccount(
            id=self._gateway.new_id("acc"),
            email=email,
            phone=fields.matching(document, "phone", _PHONE),
            legal_business_name=fields.required(document, "legal_business_name", 200),
            business_type=fields.one_of(document, "business_type", tuple(_BUSINESS_TYPES)),
            reference_id=fields.text(document, "reference_id", 512),
            notes=fields.notes(document),
            created_at=self._gateway.now(),
        )
        self._gateway.log("account", f"{account.id}: {account.legal_business_name}")
        return self.book.add(account)

    def add_stakeholder(self, account: LinkedAccount, document: Document) -> dict[str, object]:
        """Add a person behind the account; raise Refusal for a bad field."""
        stakeholder: dict[str, object] = {
            "id": self._gateway.new_id("sth"),
            "entity": "stakeholder",
            "name": fields.required(document, "name", 255),
            "email": fields.matching(document, "email", _EMAIL),
        }
        account.stakeholders.append(stakeholder)
        return stakeholder

    def request_product(self, account: LinkedAccount, document: Document) -> dict[str, object]:
        """Ask for Route; raise Refusal for another product or without consent to its terms."""
        fields.one_of(document, "product_name", ("route",))
        if not fields.flag(document, "tnc_accepted"):
            raise Refusal("The tnc_accepted field must be accepted.", "tnc_accepted")
        account.product_id = account.product_id or self._gateway.new_id("acc_prd")
        return account.product()

    def with_product(self, account_id: str, product_id: str) -> LinkedAccount:
        """Return the account whose product this is; raise Refusal when there is none."""
        account = self.book.get(account_id)
        if account.product_id != product_id:
            raise no_such_id()
        return account

    def configure_product(self, account: LinkedAccount, document: Document, script: Script) -> dict[str, object]:
        """Take the bank account and begin the review; raise Refusal for a bad field."""
        settlements = fields.member(document, "settlements")
        for name in ("account_number", "ifsc_code", "beneficiary_name"):
            fields.required(settlements, name)
        account.settlements = dict(settlements)
        if account.stakeholders:
            self.move(account, "under_review")
            verdict = "needs_clarification" if script.name == "declined" else "activated"
            self._gateway.world.timers.after(self._gateway.later(script), lambda: self.move(account, verdict))
        return account.product()

    def move(self, account: LinkedAccount, state: str) -> None:
        """Put the account's product into one of `STATES` and tell of it."""
        account.activation = state
        self._gateway.log("account", f"{account.id}: {state}")
        notice = Notice(f"product.route.{state}", {"merchant_product": account.product()})
        self._gateway.webhooks.tell([notice], Script("ok"))
