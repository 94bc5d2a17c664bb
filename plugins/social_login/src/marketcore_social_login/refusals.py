"""What logging in with a provider refuses, beyond what every room refuses."""

from __future__ import annotations

from marketcore.exceptions import Forbidden, Malformed, MarketError, NotAuthenticated


class StateRefused(Malformed):
    """A browser came back with a state that is missing, unknown, used, too old or another provider's."""

    code, title = "state-refused", "This login was not begun here, or is over"


class ConsentDenied(Forbidden):
    """The provider says that the person did not agree, or must not."""

    code, title = "consent-denied", "The provider did not let you in"


class ProviderFailed(MarketError):
    """The provider cannot be reached, answers with an error, too slowly or too much."""

    status, code, title = 502, "provider-failed", "The provider does not answer as it should"


class ProviderNotBelieved(ProviderFailed):
    """The provider's answer is not proof of anything: a wrong signature, audience, nonce or time."""

    code, title = "provider-not-believed", "The provider's answer proves nothing"


class HandoverRefused(NotAuthenticated):
    """The code of a finished login is unknown, used or too old, or its secret is another."""

    code, title = "handover-refused", "This login is over: begin again"


class SocialLoginRefused(Forbidden):
    """Whoever logged in at the provider has no account here that may be opened by it; ``reason`` says why.

    The login is used up all the same.
    """

    code, title, keeps = "social-login-refused", "This login opens no account here", True
