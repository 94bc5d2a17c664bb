"""What second factors refuse, beyond what every room refuses."""

from __future__ import annotations

from marketcore.exceptions import Forbidden, Invalid, NotAuthenticated


class SecondFactorNeeded(Forbidden):
    """The first step of a login is done; ``second_factor`` says what the second one takes. The challenge is kept."""

    code, title, keeps = "second-factor-needed", "The login needs its second step", True


class WrongCode(Invalid):
    """A code that is not right, used up or too old; that it was tried is kept."""

    code, title, keeps = "wrong-code", "The code is not right", True


class ChallengeOver(NotAuthenticated):
    """The second step of a login came too late, twice, or after the password has changed."""

    code, title = "challenge-over", "This login has to be begun again"
