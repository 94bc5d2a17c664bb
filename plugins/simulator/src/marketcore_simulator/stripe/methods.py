"""Test cards and bank accounts: what each does when it is charged. Pure."""

from dataclasses import dataclass, replace

from marketcore_simulator.stripe.errors import StripeError


@dataclass(frozen=True)
class Method:
    """A way to pay. `answer` is succeed, decline, challenge (3-D Secure) or later (decided after the session)."""

    token: str
    number: str
    label: str
    answer: str = "succeed"
    kind: str = "card"
    brand: str = "visa"
    code: str = "card_declined"
    decline_code: str | None = None
    message: str = "Your card was declined."
    settles: bool = True
    refund: str = "succeeded"
    disputed: bool = False
    available_at_once: bool = False

    @property
    def last4(self) -> str:
        """The last four digits."""
        return self.number[-4:]

    def authenticated(self) -> "Method":
        """Return the same card after its challenge was passed."""
        return replace(self, answer="succeed")

    def details(self) -> dict[str, object]:
        """Return payment_method_details of a charge."""
        if self.kind != "card":
            return {"type": self.kind, self.kind: {"last4": self.last4, "bank_name": "SIMULATED BANK"}}
        shown = {"brand": self.brand, "last4": self.last4, "exp_month": 12, "exp_year": 2034, "funding": "credit"}
        return {"type": "card", "card": shown}


VISA = Method("pm_card_visa", "4242424242424242", "Succeeds")
DECLINED = Method(
    "pm_card_chargeDeclined", "4000000000000002", "Is declined", "decline", decline_code="generic_decline"
)
INSUFFICIENT = Method(
    "pm_card_chargeDeclinedInsufficientFunds",
    "4000000000009995",
    "Has insufficient funds",
    "decline",
    decline_code="insufficient_funds",
    message="Your card has insufficient funds.",
)
CHALLENGED = Method("pm_card_authenticationRequired", "4000002500003155", "Asks for 3-D Secure", "challenge")
BANK = Method("pm_usBankAccount_success", "000123456789", "Clears later", "later", "us_bank_account", "")
BOUNCING_BANK = Method(
    "pm_usBankAccount_debitNotAuthorized", BANK.number, "Fails later", "later", "us_bank_account", "", settles=False
)

METHODS = (
    VISA,
    DECLINED,
    INSUFFICIENT,
    CHALLENGED,
    Method("pm_card_mastercard", "5555555555554444", "Succeeds (Mastercard)", brand="mastercard"),
    Method(
        "pm_card_chargeDeclinedExpiredCard",
        "4000000000000069",
        "Has expired",
        "decline",
        code="expired_card",
        message="Your card has expired.",
    ),
    Method("pm_card_bypassPending", "4000000000000077", "Succeeds, funds available at once", available_at_once=True),
    Method("pm_card_pendingRefund", "4000000000007726", "Refunds arrive later", refund="pending"),
    Method("pm_card_refundFail", "4000000000005126", "Refunds fail later", refund="failed"),
    Method("pm_card_createDispute", "4000000000000259", "Is disputed after payment", disputed=True),
    BANK,
    BOUNCING_BANK,
)
_ALIASES = {
    "pm_card_visa_chargeDeclined": DECLINED,
    "pm_card_visa_chargeDeclinedInsufficientFunds": INSUFFICIENT,
    "pm_card_threeDSecure2Required": CHALLENGED,
}
_BY_TOKEN = {method.token: method for method in METHODS} | _ALIASES
_BY_NUMBER = {method.number: method for method in METHODS if method.kind == "card"}


def by_token(token: str, param: str = "payment_method") -> Method:
    """Return the test payment method of this identifier; refuse others."""
    if token not in _BY_TOKEN:
        raise StripeError(f"No such PaymentMethod: '{token}'", "resource_missing", param)
    return _BY_TOKEN[token]


def by_number(number: str) -> Method:
    """Return the card of this number; other numbers are declined, as test mode declines real cards."""
    digits = "".join(character for character in number if character not in " -")
    if not (digits.isascii() and digits.isdecimal() and 12 <= len(digits) <= 19 and _adds_up(digits)):
        return replace(DECLINED, number=digits[-4:], code="incorrect_number", decline_code=None,
                       message="Your card number is incorrect.")  # fmt: skip
    real = "Your card was declined. Your request was in test mode, but used a non test card."
    return _BY_NUMBER.get(digits) or replace(DECLINED, number=digits[-4:], decline_code="test_mode_live_card",
                                             message=real)  # fmt: skip


def _adds_up(digits: str) -> bool:
    """Check the last digit (ISO/IEC 7812-1 annex B)."""
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0
