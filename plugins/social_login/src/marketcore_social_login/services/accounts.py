"""Accounts at providers, and the accounts here that they open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from marketcore.exceptions import Conflict, NotFound
from marketcore.identity.admission import AdmissionService
from marketcore.identity.refusals import EmailTaken
from marketcore.identity.rules import ROLES_BY_SIGN_UP
from marketcore.identity.services import IdentityService
from marketcore.identity.sessions import Caller, TokenPair
from marketcore_social_login.events import SocialLoginChanged
from marketcore_social_login.refusals import HandoverRefused, SocialLoginRefused
from marketcore_social_login.rules import why_not_linked, why_not_registered
from marketcore_social_login.services.flows import FlowService

_LINKED = text("SELECT user_id FROM social_login_links WHERE provider = :provider AND subject = :subject")
_USE = text(
    """UPDATE social_login_links SET used_at = market_clock()
       WHERE provider = :provider AND subject = :subject AND user_id = :user RETURNING user_id"""
)
_BY_EMAIL = text(
    """SELECT u.id, u.email_verified_at IS NOT NULL AS verified,
              EXISTS (SELECT 1 FROM social_login_links l WHERE l.user_id = u.id AND l.provider = :provider) AS linked
       FROM users u WHERE u.email = :email FOR NO KEY UPDATE OF u"""
)
_LINK = text(
    """INSERT INTO social_login_links (user_id, provider, subject, email) VALUES (:user, :provider, :subject, :email)
       ON CONFLICT DO NOTHING RETURNING id"""
)
_OF_USER = text(
    """SELECT provider, email, linked_at, used_at FROM social_login_links
       WHERE user_id = :user AND provider = ANY(:providers) ORDER BY provider"""
)
_LOCK = text("SELECT password_hash <> '' AS has_password FROM users WHERE id = :user FOR NO KEY UPDATE")
_UNLINK = text("DELETE FROM social_login_links WHERE user_id = :user AND provider = :provider RETURNING id")


class SocialAccountService:
    """Logs people in by accounts they have elsewhere; ``titles`` are the configured providers by name."""

    def __init__(
        self,
        db: Session,
        flows: FlowService,
        identities: IdentityService,
        admission: AdmissionService,
        emit: Callable[[Any], None],
        titles: Mapping[str, str],
    ) -> None:
        self._db = db
        self._flows = flows
        self._identities = identities
        self._admission = admission
        self._emit = emit
        self._titles = titles

    def log_in(self, code: str, secret: str, caller: Caller) -> TokenPair:
        """Return the tokens of a new session of the account that a finished login at a provider opens.

        An account is found by an earlier link, else by an e-mail address that is verified there and here, else made.
        ``HandoverRefused`` for a login that is over, ``SocialLoginRefused`` where nothing may be opened. A check of
        another plugin may want more, as after a password.
        """
        met = self._flows.redeem(code, secret)
        user_id = self._linked(met) or self._found_or_made(met)
        # The account is locked before its link is touched, in the order in which unlinking does it.
        login = self._admission.login_of(user_id, met.provider, caller)
        used = self._db.execute(_USE, {"user": user_id, "provider": met.provider, "subject": met.subject}).first()
        pair = self._admission.let_in(login) if used else None
        if pair is None:
            raise HandoverRefused("the account has changed at this very moment: begin again")
        return pair

    def link(self, user_id: int, code: str, secret: str) -> str:
        """Let an account at a provider open this one too, and return the provider's name.

        ``HandoverRefused`` for a login that is over or was begun by anybody else, ``Conflict`` where either of the
        two accounts is linked to another.
        """
        met = self._flows.redeem(code, secret, user_id)
        if not self._add_link(user_id, met):
            title = self._titles.get(met.provider, met.provider)
            raise Conflict(f"your account, or the one at {title}, is linked to another one: unlink that first")
        provider: str = met.provider
        return provider

    def unlink(self, user_id: int, provider: str) -> None:
        """Remove a way to log in; ``Conflict`` for the last one, ``NotFound`` for one that there is not."""
        has_password = self._db.execute(_LOCK, {"user": user_id}).scalar_one()
        others = [row for row in self.of_user(user_id) if row.provider != provider]
        if self._db.execute(_UNLINK, {"user": user_id, "provider": provider}).first() is None:
            raise NotFound(f"your account is not linked to {provider!r}")
        if not has_password and not others:
            raise Conflict("this is your only way to log in: set a password first, POST /api/v1/auth/password-reset")
        self._emit(SocialLoginChanged(user_id, provider, False))

    def of_user(self, user_id: int) -> Sequence[Any]:
        """Return rows of the configured providers that open somebody's account."""
        return self._db.execute(_OF_USER, {"user": user_id, "providers": list(self._titles)}).all()

    def _linked(self, met: Any) -> int | None:
        values = {"provider": met.provider, "subject": met.subject}
        user_id: int | None = self._db.execute(_LINKED, values).scalar_one_or_none()
        return user_id

    def _found_or_made(self, met: Any) -> int:
        for _look in range(2):
            try:
                return self._by_email(met) or self._registered(met)
            except EmailTaken:
                # Somebody has registered the address since we looked: the same person in another window, perhaps.
                if user_id := self._linked(met):
                    return user_id
        raise Conflict("an account with this address was made at this very moment: try again")

    def _by_email(self, met: Any) -> int | None:
        account = self._db.execute(_BY_EMAIL, {"email": met.email, "provider": met.provider}).one_or_none()
        if account is None:
            return None
        if user_id := self._linked(met):  # since we looked: the same person in another window
            return user_id
        reason, remedy = why_not_linked(
            self._titles[met.provider],
            verified_there=met.email_verified,
            verified_here=account.verified,
            linked_otherwise=account.linked,
        )
        _refuse(reason, remedy)
        if not self._add_link(account.id, met):
            raise Conflict("this login was linked elsewhere at this very moment: try again")
        return int(account.id)

    def _registered(self, met: Any) -> int:
        title = self._titles[met.provider]
        _refuse(*why_not_registered(title, email=met.email, verified_there=met.email_verified))
        names = {"first_name": met.first_name, "last_name": met.last_name}
        account = self._identities.register(met.email, None, ROLES_BY_SIGN_UP[met.role], **names)
        self._identities.confirm_email(account.id)
        self._add_link(account.id, met)
        user_id: int = account.id
        return user_id

    def _add_link(self, user_id: int, met: Any) -> bool:
        row = {"user": user_id, "provider": met.provider, "subject": met.subject, "email": met.email}
        added = self._db.execute(_LINK, row).first() is not None
        if added:
            self._emit(SocialLoginChanged(user_id, met.provider, True))
        return added


def _refuse(reason: str, remedy: str) -> None:
    if reason:
        raise SocialLoginRefused(remedy, reason=reason)


def social_account_service(_context: Any, request: Any) -> SocialAccountService:
    """Return the request's ``SocialAccountService``."""
    return SocialAccountService(
        request.db,
        request.find_service(FlowService),
        request.find_service(IdentityService),
        request.find_service(AdmissionService),
        request.emit,
        {name: speaker.title for name, speaker in request.registry["social_login_speakers"].items()},
    )
