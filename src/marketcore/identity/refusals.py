"""What the identity room refuses, beyond what every room refuses."""

from __future__ import annotations

from marketcore.exceptions import Conflict, NotAuthenticated


class EmailTaken(Conflict):
    """An account with this e-mail address exists."""

    code, title = "email-taken", "There is an account with this e-mail address"


class UsernameTaken(Conflict):
    """Somebody else has this username, in whatever case."""

    code, title = "username-taken", "This username is taken"


class RefreshRefused(NotAuthenticated):
    """A refresh token continues nothing; that a stolen one has ended its session is kept."""

    keeps = True
