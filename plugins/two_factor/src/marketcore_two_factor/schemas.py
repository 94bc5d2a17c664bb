"""Bodies and documents of second factors."""

from __future__ import annotations

from marketcore.identity.rules import PASSWORD_MAX_LENGTH
from marketcore.web.schema import Schema, choice, flag, listing, moment, nullable, text, whole
from marketcore_two_factor.rules import FACTORS, METHODS, RECOVERY_CODES


class ChallengeBody(Schema):
    """The `challenge` of the login that is waiting for its second step."""

    challenge = text(100, min_length=1)


class ProofBody(Schema):
    """A code, and how you came by it."""

    method = choice(*METHODS)
    code = text(30, min_length=1, description="six digits, or a recovery code; spaces and hyphens do not matter")


class SecondStepBody(ProofBody):
    """The second step of a login."""

    challenge = text(100, min_length=1)


class PasswordBody(Schema):
    """Your password, once more."""

    password = text(PASSWORD_MAX_LENGTH, min_length=1)


class CodeBody(Schema):
    """The code that the app shows."""

    code = text(30, min_length=1)


class EmailFactorBody(PasswordBody):
    """Your password, and the code that was sent to your address."""

    code = text(30, min_length=1)


class ResetBody(Schema):
    """Why an account loses its second factor; it is kept in the audit log."""

    reason = text(200, min_length=1)


class FactorDocument(Schema):
    """A second factor of yours."""

    method = choice(*FACTORS)
    enabled_at = moment()


class SecondFactorDocument(Schema):
    """How your account is protected beside its password."""

    enabled = flag(description="whether logging in takes a second step")
    factors = listing(FactorDocument(name="factor"))
    methods = listing(choice(*METHODS, name="method"), description="what proves you, here and at login")
    recovery_codes_left = whole(0, RECOVERY_CODES)
    proved_until = nullable(moment())


class ProofDocument(Schema):
    """Until when this session may do what asks for a proof."""

    proved_until = moment()


class NewAppDocument(Schema):
    """What to tell an authenticator app; it is not shown again."""

    secret = text(64, description="to be typed into the app")
    uri = text(1000, description="`otpauth://` address, for a QR code")


class RecoveryCodesDocument(Schema):
    """Codes to keep on paper, each good for one time; they are not shown again. Empty where you have some already."""

    recovery_codes = listing(text(11, name="recovery_code"))
