"""What the organisation itself does with its M-Pesa account: pay people out, and give payments back."""

from __future__ import annotations

from marketcore.interfaces import (
    Capabilities,
    Destination,
    Enrollment,
    Outcome,
    PaymentAttempt,
    PayoutAttempt,
    ProviderResult,
    RefundAttempt,
)
from marketcore.money import Money
from marketcore_payments_mpesa.calls import kes
from marketcore_payments_mpesa.client import AlreadySubmitted, DarajaError
from marketcore_payments_mpesa.orders import HIGHEST_PAYOUT_KES, LOWEST_PAYOUT_KES
from marketcore_payments_mpesa.people import MpesaPhone
from marketcore_payments_mpesa.provider import MpesaProvider, failed

_ASKED = "the answer comes as a call to this question's own address"


class MpesaBackOffice(MpesaProvider):
    """An ``MpesaProvider`` whose client has an initiator: it also pays out (B2C) and refunds (reversal).

    Daraja answers both later, to an address, and unsigned. The call to the address of the payout or reversal is a
    hint; upon it the transaction's status is asked for, with an address of that question alone, and what comes there
    is believed. A payout is named by our own id, which Daraja takes once. A reversal has no such name and is sent
    once; that M-Pesa reverses a payment only once guards it in the end.
    """

    destination_schema = MpesaPhone()
    payout_capabilities = Capabilities(
        currencies={"KES": 100},
        minimum={"KES": LOWEST_PAYOUT_KES * 100},
        maximum={"KES": HIGHEST_PAYOUT_KES * 100},
        countries=frozenset({"KE"}),
    )

    def _features(self) -> frozenset[str]:
        # Whether a part of a payment can be reversed is not documented.
        return super()._features() | {"refund"}

    def enroll(self, destination: Destination) -> Enrollment:
        """Accept a telephone number; whether somebody is registered under it is seen when it is paid."""
        return Enrollment("active")

    def pay_out(self, payout: PayoutAttempt) -> ProviderResult:
        """Ask for a payment under the payout's own id; that Daraja has it already is good news."""
        url = payout.callback_url
        phone = payout.destination.details["phone"]
        try:
            accepted = self._client.b2c(
                payout.amount.minor // 100, phone, str(payout.id), f"Payout {payout.code}", url, url
            )
        except AlreadySubmitted as error:
            return ProviderResult(Outcome.PENDING, detail=str(error))
        except DarajaError as error:
            return failed(error)
        return ProviderResult(Outcome.PENDING, reference=accepted.conversation_id)

    def fetch_payout(self, payout: PayoutAttempt) -> ProviderResult:
        """Ask for the status of the payout's transaction.

        That Daraja finds none is not taken for a refusal: a payout it has accepted may still wait in its queue.
        """
        url = payout.callback_url
        named = {"receipt": payout.receipt} if payout.receipt else {"original_conversation_id": str(payout.id)}
        try:
            self._client.transaction_status(**named, of_payout=True, result_url=url, timeout_url=url)
        except DarajaError as error:
            return ProviderResult(Outcome.UNKNOWN, detail=str(error))
        return ProviderResult(Outcome.UNKNOWN, detail=_ASKED)

    def refund(self, refund: RefundAttempt) -> ProviderResult:
        """Ask once for the reversal of the whole payment.

        Without its receipt there is nothing to ask for: ``NOT_ATTEMPTED`` while it may still be learnt, ``DECLINED``
        afterwards, with a reason that tells a person what to do.
        """
        receipt, amount = self._original(refund.payment)
        if receipt is None:
            return self._without_receipt(refund.payment)
        if refund.amount != amount:
            detail = f"{refund.amount} of {amount} would be a part, and M-Pesa does not say that it reverses parts"
            return ProviderResult(Outcome.DECLINED, reason="only_whole_payments_refund_by_hand", detail=detail)
        url = refund.callback_url
        try:
            accepted = self._client.reversal(receipt, amount.minor // 100, f"Refund {refund.code}", url, url)
        except DarajaError as error:
            return failed(error)
        return ProviderResult(Outcome.PENDING, reference=accepted.conversation_id)

    def fetch_refund(self, refund: RefundAttempt) -> ProviderResult:
        """Ask whether the payment stands or has been reversed."""
        receipt, _amount = self._original(refund.payment)
        if receipt is None:
            return ProviderResult(Outcome.UNKNOWN, detail=f"no receipt is known of payment {refund.payment.code}")
        url = refund.callback_url
        try:
            self._client.transaction_status(receipt=receipt, result_url=url, timeout_url=url)
        except DarajaError as error:
            return ProviderResult(Outcome.UNKNOWN, detail=str(error))
        return ProviderResult(Outcome.UNKNOWN, detail=_ASKED)

    def _without_receipt(self, payment: PaymentAttempt) -> ProviderResult:
        """Say that nothing was done, which may be tried again only as long as the list may yet tell the receipt."""
        detail = (
            f"no receipt is known of payment {payment.code}, and M-Pesa reverses by receipt alone: look it up in the "
            "M-Pesa portal and reverse it there, or refund by hand"
        )
        outcome = Outcome.NOT_ATTEMPTED if self.may_be_listed(payment) else Outcome.DECLINED
        return ProviderResult(outcome, reason="receipt_unknown_refund_by_hand", detail=detail)

    def _original(self, payment: PaymentAttempt) -> tuple[str | None, Money]:
        """Return the receipt and amount of what is refunded.

        The receipt on record may have come with a callback; what the list of payments says is worth more.
        """
        listed = {found.receipt: kes(found.amount) or payment.amount for found in self.listed(payment)}
        if payment.receipt in listed:
            return payment.receipt, listed[payment.receipt]
        if len(listed) == 1:
            return next(iter(listed.items()))
        return (None if listed else payment.receipt), payment.amount
