"""Speak to Razorpay: orders, payments, refunds; and to RazorpayX: contacts, fund accounts, payouts.

Every method raises NotAttempted, Rejected or OutcomeUnknown. Amounts are whole minor units. Orders, captures,
contacts and fund accounts know no idempotency key and are never sent twice; refunds and payouts carry one, so that
calling again with the same key and content does nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import quote

from marketcore_payments_razorpay.connection import Connection, Transport
from marketcore_payments_razorpay.documents import Document
from marketcore_payments_razorpay.errors import OutcomeUnknown

PRODUCTION_URL = "https://api.razorpay.com"
Query = Mapping[str, str | int]
_PAGE = 100


class RazorpayClient:
    """Make Razorpay's calls with one key pair; safe to share between threads.

    `base_url` is `PRODUCTION_URL` or another https address, or the simulator on a loopback one.
    """

    def __init__(
        self,
        key_id: str,
        key_secret: str,
        *,
        base_url: str = PRODUCTION_URL,
        connect_timeout: int = 5,
        read_timeout: int = 20,
        transport: Transport | None = None,
    ) -> None:
        self.key_id = key_id
        self._connection = Connection(
            base_url,
            key_id,
            key_secret,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            transport=transport,
        )

    def __repr__(self) -> str:
        return f"RazorpayClient({self._connection.base_url!r}, key_id={self.key_id!r})"

    def close(self) -> None:
        """Close the connections kept open."""
        self._connection.close()

    def __enter__(self) -> RazorpayClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def checkout_url(self) -> str:
        """The address that a payer's browser posts the hosted checkout's form to."""
        return f"{self._connection.base_url}/v1/checkout/embedded"

    def create_order(self, amount: int, currency: str, receipt: str, notes: Mapping[str, str]) -> Document:
        """Create an order that captures by itself; `receipt` has at most 40 characters (Orders API)."""
        order = {"amount": amount, "currency": currency, "receipt": receipt, "notes": notes, "payment_capture": True}
        return self._connection.post("/v1/orders", order)

    def orders_of_receipt(self, receipt: str) -> list[Document]:
        """Return the orders created with a receipt, newest first."""
        return self._items("/v1/orders", {"receipt": receipt, "count": _PAGE})

    def payments_of_order(self, order_id: str) -> list[Document]:
        """Return every attempt to pay an order."""
        return self._items(f"/v1/orders/{_part(order_id)}/payments", {})

    def capture(self, payment_id: str, amount: int, currency: str) -> Document:
        """Take an authorized payment, whole: Razorpay takes no other amount (Payments API)."""
        document = {"amount": amount, "currency": currency}
        return self._connection.post(f"/v1/payments/{_part(payment_id)}/capture", document)

    def refund(self, payment_id: str, amount: int, key: str, notes: Mapping[str, str]) -> Document:
        """Refund part or all of a captured payment under the idempotency key and receipt `key` (Refunds API)."""
        document = {"amount": amount, "speed": "normal", "receipt": key, "notes": notes}
        path = f"/v1/payments/{_part(payment_id)}/refund"
        return self._connection.post(path, document, {"X-Refund-Idempotency": key})

    def fetch_refund(self, refund_id: str) -> Document:
        """Return one refund."""
        return self._connection.get(f"/v1/refunds/{_part(refund_id)}")

    def refunds_of_payment(self, payment_id: str) -> list[Document]:
        """Return the refunds of a payment, newest first."""
        return self._items(f"/v1/payments/{_part(payment_id)}/refunds", {"count": _PAGE})

    def contacts_of_reference(self, reference_id: str) -> list[Document]:
        """Return the contacts created under a reference of ours."""
        return self._items("/v1/contacts", {"reference_id": reference_id, "count": _PAGE})

    def create_contact(self, name: str, email: str, reference_id: str) -> Document:
        """Create somebody who may be paid (Contacts API)."""
        contact = {"name": name, "type": "vendor", "reference_id": reference_id, **({"email": email} if email else {})}
        return self._connection.post("/v1/contacts", contact)

    def fund_accounts_of_contact(self, contact_id: str) -> list[Document]:
        """Return where a contact can be paid."""
        return self._items("/v1/fund_accounts", {"contact_id": contact_id, "count": _PAGE})

    def create_fund_account(self, contact_id: str, kind: str, detail: Mapping[str, str]) -> Document:
        """Create a `bank_account` (name, ifsc, account_number) or `vpa` (address) of a contact (Fund Accounts API)."""
        account = {"contact_id": contact_id, "account_type": kind, kind: detail}
        return self._connection.post("/v1/fund_accounts", account)

    def fetch_fund_account(self, fund_account_id: str) -> Document:
        """Return one fund account."""
        return self._connection.get(f"/v1/fund_accounts/{_part(fund_account_id)}")

    def create_payout(self, payout: Document, key: str) -> Document:
        """Pay out under the mandatory idempotency key `key` (Payouts API)."""
        return self._connection.post("/v1/payouts", payout, {"X-Payout-Idempotency": key})

    def fetch_payout(self, payout_id: str) -> Document:
        """Return one payout."""
        return self._connection.get(f"/v1/payouts/{_part(payout_id)}")

    def payouts_of_reference(self, account_number: str, reference_id: str) -> list[Document]:
        """Return the payouts made from an account under a reference of ours."""
        query: Query = {"account_number": account_number, "reference_id": reference_id, "count": _PAGE}
        return self._items("/v1/payouts", query)

    def listed(self, kind: str, since: datetime, until: datetime, **more: str) -> Iterator[Document]:
        """Yield each of `payments`, `refunds` or `payouts` created from `since` to `until`, both included, once."""
        query: Query = {**more, "from": int(since.timestamp()), "to": int(until.timestamp()), "count": _PAGE}
        seen: set[object] = set()
        for skip in range(0, 10**6, _PAGE):
            page = self._items(f"/v1/{kind}", {**query, "skip": skip})
            # What is created meanwhile moves the pages, so that the end of one is seen again on the next.
            yield from (item for item in page if item.get("id") not in seen)
            seen.update(item.get("id") for item in page)
            if len(page) < _PAGE:
                return

    def _items(self, path: str, query: Query) -> list[Document]:
        items = self._connection.get(path, query).get("items")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise OutcomeUnknown("no_collection", f"{path.split('/')[2]} came without a list of items")
        return items


def _part(identifier: str) -> str:
    """Return an identifier as one part of a path, whatever is in it."""
    return quote(identifier, safe="")
