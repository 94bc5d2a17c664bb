"""RazorpayX as a payout provider: contacts and fund accounts to pay to, payouts that repeat safely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import colander

from marketcore.interfaces import Capabilities, Destination, Enrollment, Outcome, PayoutAttempt, ProviderResult
from marketcore_payments_razorpay import amounts, results
from marketcore_payments_razorpay.client import RazorpayClient
from marketcore_payments_razorpay.documents import Document, text
from marketcore_payments_razorpay.errors import NotAttempted, RazorpayError, Rejected
from marketcore_payments_razorpay.pages import Pages
from marketcore_payments_razorpay.provider import Merchant, RazorpayProvider

#: What one transfer may carry at most, in paise, by IMPS and by UPI; more goes to a bank by NEFT.
MOST_BY_IMPS, MOST_BY_UPI = 50_000_000, 10_000_000
_LONGEST_NAME = 50


class RazorpayDestination(colander.MappingSchema):
    """A bank account (`name`, `account_number`, `ifsc`) or a UPI address (`name`, `vpa`)."""

    name = colander.SchemaNode(
        colander.String(), validator=colander.Length(3, _LONGEST_NAME), description="as the bank knows it"
    )
    account_number = colander.SchemaNode(
        colander.String(), missing=colander.drop, validator=colander.Regex(r"[A-Za-z0-9]{5,35}\Z")
    )
    ifsc = colander.SchemaNode(
        colander.String(), missing=colander.drop, validator=colander.Regex(r"[A-Z]{4}0[A-Z0-9]{6}\Z")
    )
    vpa = colander.SchemaNode(
        colander.String(),
        missing=colander.drop,
        validator=colander.Regex(r"[A-Za-z0-9._-]{2,64}@[A-Za-z]{2,64}\Z"),
        description="UPI address",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "raise"

    def validator(self, node: colander.SchemaNode, given: Mapping[str, str]) -> None:
        """Refuse both ways at once, neither, and half a bank account."""
        if set(given) not in ({"name", "account_number", "ifsc"}, {"name", "vpa"}):
            told = colander.Invalid(node)
            told["vpa" if "vpa" in given else "account_number"] = "give account_number and ifsc, or vpa alone"
            raise told


class RazorpayPayoutProvider(RazorpayProvider):
    """Collects as `RazorpayProvider` does, and pays people out from a RazorpayX account."""

    destination_schema = RazorpayDestination()

    def __init__(self, client: RazorpayClient, merchant: Merchant, pages: Pages) -> None:
        super().__init__(client, merchant, pages)
        self.payout_capabilities = Capabilities(
            currencies={"INR": 1},
            minimum={"INR": amounts.LOWEST_INR},
            countries=frozenset({"IN"}),
            features=frozenset({"statement"}),
        )

    def enroll(self, destination: Destination) -> Enrollment:
        """Make the payee and the account known, both looked up first so that calling again makes no second one."""
        try:
            if destination.reference is not None:
                return _standing(self._client.fetch_fund_account(destination.reference))
            contact_id = self._contact(destination)
            return _standing(self._fund_account(contact_id, destination.details))
        except Rejected as error:
            return Enrollment("rejected", destination.reference, reason=error.message[:60])
        except RazorpayError:
            return Enrollment("pending", destination.reference, reason="gateway_unavailable")

    def pay_out(self, payout: PayoutAttempt) -> ProviderResult:
        """Pay by the payout's id as idempotency key: a repeat pays nothing more. Too little money makes it wait."""
        if payout.destination.reference is None:
            return ProviderResult(Outcome.NOT_ATTEMPTED, reason="destination_not_enrolled")
        try:
            return _told(payout, self._client.create_payout(self._payout_order(payout), payout.id.hex))
        except RazorpayError as error:
            return results.of_refusal(error)

    def fetch_payout(self, payout: PayoutAttempt) -> ProviderResult:
        """Ask about a payout; one that never arrived is sent again, which its key makes safe."""
        try:
            if payout.reference is not None:
                return _told(payout, self._client.fetch_payout(payout.reference))
            made = self._client.payouts_of_reference(self._merchant.payout_account, payout.id.hex)
        except RazorpayError as error:
            return results.no_news(error)
        found = next((known for known in made if known.get("reference_id") == payout.id.hex), None)
        return _told(payout, found) if found is not None else results.of_repeat(self.pay_out(payout))

    def _payout_order(self, payout: PayoutAttempt) -> Document:
        # The same for every repeat: another body under the same key is refused.
        return {
            "account_number": self._merchant.payout_account,
            "fund_account_id": payout.destination.reference,
            "amount": amounts.written(payout.amount),
            "currency": payout.amount.currency,
            "mode": _mode(payout.amount.minor, payout.destination.details),
            "purpose": "payout",
            "queue_if_low_balance": True,
            "reference_id": payout.id.hex,
            "narration": payout.code,
        }

    def _contact(self, destination: Destination) -> str:
        known = self._client.contacts_of_reference(destination.id.hex)
        contact = next((one for one in known if one.get("reference_id") == destination.id.hex), None)
        if contact is None:
            name = destination.details["name"]
            contact = self._client.create_contact(name, destination.email, destination.id.hex)
        return str(contact["id"])

    def _fund_account(self, contact_id: str, details: Mapping[str, str]) -> Document:
        kind, wanted = _account(details)
        for known in self._client.fund_accounts_of_contact(contact_id):
            shown = known.get(kind)
            if isinstance(shown, Mapping) and wanted.items() <= shown.items():
                return known
        return self._client.create_fund_account(contact_id, kind, wanted)


def _told(payout: PayoutAttempt, shown: Document) -> ProviderResult:
    result = results.of_payout(shown)
    # What comes back before its success was ever reported has, for the marketplace, never left.
    if result.outcome is Outcome.RETURNED and payout.receipt is None:
        return replace(result, outcome=Outcome.DECLINED, receipt=None, amount=None)
    return result


def _account(details: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    if "vpa" in details:
        return "vpa", {"address": details["vpa"]}
    return "bank_account", {name: details[name] for name in ("name", "ifsc", "account_number")}


def _mode(amount: int, details: Mapping[str, str]) -> str:
    if "vpa" in details:
        if amount > MOST_BY_UPI:
            raise NotAttempted("over_limit", f"{amount} paise are more than UPI carries; pay to a bank account")
        return "UPI"
    return "IMPS" if amount <= MOST_BY_IMPS else "NEFT"


def _standing(account: Document) -> Enrollment:
    reference = text(account, "id")
    if account.get("active") is True and reference is not None:
        return Enrollment("active", reference)
    return Enrollment("rejected", reference, reason="fund_account_inactive")
