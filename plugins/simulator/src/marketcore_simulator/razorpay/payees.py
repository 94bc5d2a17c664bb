"""RazorpayX: contacts and the bank accounts and UPI addresses they are paid at."""

from collections.abc import Mapping
from dataclasses import dataclass

from marketcore_simulator.razorpay import fields
from marketcore_simulator.razorpay.fields import Document
from marketcore_simulator.razorpay.gateway import Book, Gateway

_CONTACT_TYPES = ("vendor", "customer", "employee", "self")
_IFSC = r"[A-Z]{4}0[A-Z0-9]{6}"
_ACCOUNT = r"[A-Za-z0-9]{5,35}"
_VPA = r"[A-Za-z0-9._-]{2,64}@[A-Za-z]{2,64}"


@dataclass
class Contact:
    """Somebody who may be paid."""

    id: str
    name: str
    email: str | None
    phone: str | None
    type: str | None
    reference_id: str | None
    notes: dict[str, str]
    created_at: int

    def entity(self) -> dict[str, object]:
        """Return the contact as Razorpay shows it."""
        return {
            "id": self.id,
            "entity": "contact",
            "name": self.name,
            "contact": self.phone,
            "email": self.email,
            "type": self.type,
            "reference_id": self.reference_id,
            "batch_id": None,
            "active": True,
            "notes": self.notes or [],
            "created_at": self.created_at,
        }


@dataclass
class FundAccount:
    """Where a contact is paid; `account_type` is bank_account or vpa, `detail` what that type needs."""

    id: str
    contact_id: str
    account_type: str
    detail: Mapping[str, object]
    created_at: int

    @property
    def address(self) -> str:
        """Return the account number or UPI address."""
        return str(self.detail.get("address") or self.detail.get("account_number"))

    def entity(self) -> dict[str, object]:
        """Return the fund account as Razorpay shows it."""
        return {
            "id": self.id,
            "entity": "fund_account",
            "contact_id": self.contact_id,
            "account_type": self.account_type,
            self.account_type: dict(self.detail),
            "batch_id": None,
            "active": True,
            "created_at": self.created_at,
        }


class PayeeDesk:
    """Take contacts and their accounts."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.contacts: Book[Contact] = Book(gateway.world)
        self.fund_accounts: Book[FundAccount] = Book(gateway.world)

    def create_contact(self, document: Document) -> Contact:
        """Create a contact; raise Refusal for a bad field."""
        contact = Contact(
            id=self._gateway.new_id("cont"),
            name=fields.required(document, "name", 50),
            email=fields.text(document, "email", 255),
            phone=fields.text(document, "contact", 15),
            type=fields.one_of(document, "type", _CONTACT_TYPES) if document.get("type") else None,
            reference_id=fields.text(document, "reference_id", 40),
            notes=fields.notes(document),
            created_at=self._gateway.now(),
        )
        return self.contacts.add(contact)

    def known_contacts(self, query: Mapping[str, str]) -> list[Contact]:
        """Return the contacts, newest first; those of one reference_id if it is given."""
        reference = query.get("reference_id")
        return self.contacts.where(lambda contact: reference in {None, contact.reference_id})

    def known_accounts(self, query: Mapping[str, str]) -> list[FundAccount]:
        """Return the fund accounts, newest first; those of one contact_id if it is given."""
        contact_id = query.get("contact_id")
        return self.fund_accounts.where(lambda account: contact_id in {None, account.contact_id})

    def create_fund_account(self, document: Document) -> FundAccount:
        """Create a fund account, or return the contact's one with the same details; raise Refusal for a bad field."""
        contact = self.contacts.get(document.get("contact_id"))
        kind = fields.one_of(document, "account_type", ("bank_account", "vpa"))
        detail = _bank_account(document) if kind == "bank_account" else _vpa(document)
        same = self.fund_accounts.where(lambda known: (known.contact_id, known.detail) == (contact.id, detail))
        if same:
            return same[0]
        made = FundAccount(self._gateway.new_id("fa"), contact.id, kind, detail, self._gateway.now())
        return self.fund_accounts.add(made)


def _bank_account(document: Document) -> dict[str, object]:
    account = fields.member(document, "bank_account")
    return {
        "name": fields.required(account, "name", 120),
        "ifsc": fields.matching(account, "ifsc", _IFSC),
        "account_number": fields.matching(account, "account_number", _ACCOUNT),
    }


def _vpa(document: Document) -> dict[str, object]:
    return {"address": fields.matching(fields.member(document, "vpa"), "address", _VPA)}
