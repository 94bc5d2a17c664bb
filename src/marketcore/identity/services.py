"""Accounts: made, logged in to, changed, blocked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketcore.directives import ROLES
from marketcore.events import EmailVerified, PasswordChanged, UserBlocked, UserRegistered
from marketcore.exceptions import Conflict, Invalid, NotAuthenticated, NotFound
from marketcore.identity import rules
from marketcore.identity.admission import AdmissionService, Login
from marketcore.identity.attempts import Attempts
from marketcore.identity.email import normalise_email
from marketcore.identity.passwords import Passwords
from marketcore.identity.refusals import EmailTaken, UsernameTaken
from marketcore.identity.sessions import Caller, SessionService, TokenPair
from marketcore.settings import section

_COLUMNS = (
    "id, email, username, first_name, last_name, phone, roles, blocked_at, blocked_reason, "
    "created_at, email_verified_at"
)
_INSERT = text(
    f"""INSERT INTO users (email, username, first_name, last_name, phone, password_hash, roles)
        VALUES (:email, :username, :first_name, :last_name, :phone, :password_hash, :roles)
        ON CONFLICT DO NOTHING RETURNING {_COLUMNS}, password_hash"""
)
_EMAIL_KNOWN = text("SELECT 1 FROM users WHERE email = :email")
_FREE_NAME = text(
    """SELECT name FROM (SELECT CAST(:base AS text) || n AS name, n FROM generate_series(2, 9) n
                         UNION ALL SELECT CAST(:base AS text) || floor(random() * 1000000000)::bigint, 10) candidates
       WHERE NOT EXISTS (SELECT 1 FROM users WHERE lower(username) = name) ORDER BY n LIMIT 1"""
)
_CREDENTIALS = text(
    """SELECT id, password_hash,
              EXISTS (SELECT 1 FROM auth_sessions s WHERE s.user_id = u.id AND s.remote_addr = :remote_addr) AS familiar
       FROM users u WHERE email = :email OR lower(username) = lower(:username)"""
)
_OWN_HASH = text("SELECT password_hash, email, username FROM users WHERE id = :user_id")
_VOUCH = text("UPDATE users SET email_verified_at = market_clock() WHERE id = :user_id")
_VERIFIED = text(
    """UPDATE users SET email_verified_at = market_clock() WHERE id = :user_id AND email_verified_at IS NULL
       RETURNING id"""
)
_SET_HASH = text("UPDATE users SET password_hash = :new WHERE id = :user_id AND password_hash = :old RETURNING id")
_READ = text(f"SELECT {_COLUMNS} FROM users WHERE id = :user_id")
_CHANGE = text(
    f"""UPDATE users SET first_name = coalesce(:first_name, first_name), last_name = coalesce(:last_name, last_name),
            phone = coalesce(:phone, phone), username = coalesce(:username, username)
        WHERE id = :user_id RETURNING {_COLUMNS}"""
)
_BLOCK = text(
    f"""UPDATE users SET blocked_at = coalesce(blocked_at, market_clock()), blocked_reason = :reason,
            blocked_for = :rule
        WHERE id = :user_id RETURNING {_COLUMNS}"""
)
_UNBLOCK = text(
    f"""UPDATE users SET blocked_at = NULL, blocked_reason = '', blocked_for = ''
        WHERE id = :user_id RETURNING {_COLUMNS}"""
)
_LIST = text(
    f"""SELECT {_COLUMNS} FROM users
        WHERE (CAST(:before AS bigint) IS NULL OR id < :before)
          AND (:q = '' OR strpos(lower(concat_ws(' ', email, username, first_name, last_name)), lower(:q)) > 0)
        ORDER BY id DESC LIMIT :limit"""
)
_PROFILE_FIELDS = ("first_name", "last_name", "phone", "username")


class IdentityService:
    """Accounts and what proves that somebody owns one."""

    def __init__(
        self,
        db: Session,
        sessions: SessionService,
        admission: AdmissionService,
        passwords: Passwords,
        attempts: Attempts,
        emit: Callable[[Any], None],
        *,
        password_min_length: int,
    ) -> None:
        self._db = db
        self._sessions = sessions
        self._admission = admission
        self._passwords = passwords
        self._attempts = attempts
        self._emit = emit
        self._min_length = password_min_length

    def register(
        self, email: str, password: str | None, roles: Sequence[str], username: str | None = None, **profile: str
    ) -> Any:
        """Return the row of a new account.

        ``profile`` may hold first_name, last_name and phone. ``Invalid`` names the field at fault; ``EmailTaken``
        and ``UsernameTaken`` are conflicts. Without a username one is made of the e-mail address; without a password
        nobody logs in by one until the owner has set it with a letter.
        """
        values: dict[str, Any] = {"first_name": "", "last_name": "", "phone": "", **profile}
        values |= {"email": _email(email), "roles": sorted(set(roles))}
        base = username or rules.username_from(values["email"])
        _check(username=rules.username_fault(base))
        if password is not None:
            self._check_password(password, "password", values["email"], base)
        values["password_hash"] = self._passwords.hash(password) if password is not None else ""
        row = self._insert(values, base, derived=username is None)
        self._emit(UserRegistered(row.id))
        return row

    def _insert(self, values: dict[str, Any], base: str, *, derived: bool) -> Any:
        name = base
        for _attempt in range(5):
            row = self._db.execute(_INSERT, {**values, "username": name}).one_or_none()
            if row:
                return row
            if self._db.execute(_EMAIL_KNOWN, values).first():
                raise EmailTaken(errors={"email": "is registered already: log in"})
            if not derived:
                break
            name = self._db.execute(_FREE_NAME, {"base": base}).scalar_one()
        raise UsernameTaken(errors={"username": "is taken: choose another"})

    def log_in(self, *, email: str | None, username: str | None, password: str, caller: Caller) -> TokenPair:
        """Return the tokens of a new session; an unknown account and a wrong password are refused alike.

        Once the password is right, a check of a plugin may want more and raise what it refuses with.
        """
        login = _login_email(email) if email is not None else (username or "")
        # Counted before the first statement: no network call inside a transaction.
        refusal = self._attempts.refusal(login)
        wanted = {"email": login if email is not None else None, "username": username}
        for _look in range(2):
            row = self._db.execute(_CREDENTIALS, {**wanted, "remote_addr": caller.remote_addr}).one_or_none()
            if refusal and not (row and row.familiar):
                raise refusal
            if not self._passwords.matches(row.password_hash if row else None, password) or row is None:
                break
            # None: the password was changed while we were looking, so look again.
            if pair := self._admission.let_in(Login(row.id, self._renewed(row, password), caller, "password")):
                return pair
        raise NotAuthenticated("the account or the password is not right")

    def _renewed(self, row: Any, password: str) -> str:
        old: str = row.password_hash
        if not self._passwords.outdated(old):
            return old
        new = self._passwords.hash(password)
        changed = self._db.execute(_SET_HASH, {"user_id": row.id, "old": old, "new": new}).first()
        return new if changed else old

    def change_password(self, user_id: int, session_id: UUID, current: str, new: str) -> None:
        """Set a new password and end the user's other sessions; a wrong ``current`` one is ``Invalid``."""
        row = self.check_password(user_id, current, field="current")
        self._check_password(new, "new", row.email, row.username)
        values = {"user_id": user_id, "old": row.password_hash, "new": self._passwords.hash(new)}
        if self._db.execute(_SET_HASH, values).first() is None:
            raise Conflict("the password has just been changed elsewhere")
        self._sessions.end(user_id, "password changed", sparing=session_id)
        self._emit(PasswordChanged(user_id))

    def check_password(self, user_id: int, password: str, *, field: str = "password") -> Any:
        """Return the hash, e-mail address and username of whose password this is, else raise ``Invalid``.

        ``Conflict`` tells somebody whose account has no password how to get one.
        """
        row = self._db.execute(_OWN_HASH, {"user_id": user_id}).one()
        if not self._passwords.matches(row.password_hash, password):
            if not row.password_hash:
                raise Conflict("your account has no password yet: set one with POST /api/v1/auth/password-reset")
            raise Invalid(errors={field: "is not your password"})
        return row

    def confirm_email(self, user_id: int) -> None:
        """Note that the owner of an account has proved to read its e-mails."""
        if self._db.execute(_VERIFIED, {"user_id": user_id}).first():
            self._emit(EmailVerified(user_id))

    def set_password(self, user_id: int, new: str) -> None:
        """Set a new password for somebody who does not know the old one, and end all of their sessions."""
        row = self._db.execute(_OWN_HASH, {"user_id": user_id}).one()
        self._check_password(new, "password", row.email, row.username)
        values = {"user_id": user_id, "old": row.password_hash, "new": self._passwords.hash(new)}
        if self._db.execute(_SET_HASH, values).first() is None:
            raise Conflict("the password has just been changed elsewhere")
        self._sessions.end(user_id, "password reset")
        self._emit(PasswordChanged(user_id))

    def _check_password(self, password: str, field: str, email: str, username: str) -> None:
        fault = rules.password_fault(password, min_length=self._min_length, email=email, username=username)
        _check(**{field: fault})

    def read(self, user_id: int) -> Any:
        """Return the row of an account; ``NotFound`` if there is none."""
        return _found(self._db.execute(_READ, {"user_id": user_id}).one_or_none())

    def change_profile(self, user_id: int, changes: Mapping[str, str]) -> Any:
        """Change any of first_name, last_name, phone and username; return the row."""
        values = {field: changes.get(field) for field in _PROFILE_FIELDS}
        if values["username"] is not None:
            _check(username=rules.username_fault(values["username"]))
        try:
            row = self._db.execute(_CHANGE, {**values, "user_id": user_id}).one_or_none()
        except IntegrityError:
            raise UsernameTaken(errors={"username": "is taken: choose another"}) from None
        return _found(row)

    def block(self, user_id: int, reason: str, *, by: int | None, rule: str = "") -> Any:
        """Take away an account's right to trade and end its sessions; its owner may log in again and read.

        ``rule`` names the platform's rule that blocks, where ``by`` is nobody; an admin's later block replaces it.
        """
        if user_id == by:
            raise Conflict("you cannot block your own account")
        values = {"user_id": user_id, "reason": reason, "rule": rule}
        row = _found(self._db.execute(_BLOCK, values).one_or_none())
        self._sessions.end(user_id, "account blocked")
        self._emit(UserBlocked(user_id, True, reason))
        return row

    def unblock(self, user_id: int) -> Any:
        """Give an account its rights back."""
        row = _found(self._db.execute(_UNBLOCK, {"user_id": user_id}).one_or_none())
        self._emit(UserBlocked(user_id, False, ""))
        return row

    def search(self, q: str, limit: int, before: int | None) -> Sequence[Any]:
        """Return up to ``limit`` accounts with ``q`` in their e-mail address or names, the newest first."""
        return self._db.execute(_LIST, {"q": q, "limit": limit, "before": before}).all()


def create_user(request: Any, email: str, password: str, roles: Sequence[str], **profile: str) -> int:
    """Return the id of a new account with any ``roles``, admin among them: for operators, never for a route.

    The operator vouches for its e-mail address: nobody is asked to confirm it. ``profile`` may hold
    username, first_name, last_name and phone.
    """
    unknown = set(roles) - ROLES
    _check(roles=f"must be some of {sorted(ROLES)}" if unknown or not roles else None)
    user_id: int = request.find_service(IdentityService).register(email, password, roles, **profile).id
    request.db.execute(_VOUCH, {"user_id": user_id})
    return user_id


def session_service(_context: Any, request: Any) -> SessionService:
    """Return the request's session service."""
    settings = section(request.registry, "identity")
    return SessionService(
        request.db,
        request.registry["access_tokens"],
        request.emit,
        days=settings["session_days"],
        grace_seconds=settings["refresh_grace_seconds"],
    )


def identity_service(_context: Any, request: Any) -> IdentityService:
    """Return the request's identity service."""
    return IdentityService(
        request.db,
        request.find_service(SessionService),
        request.find_service(AdmissionService),
        request.registry["passwords"],
        request.registry["login_attempts"],
        request.emit,
        password_min_length=section(request.registry, "identity")["password_min_length"],
    )


def _email(given: str) -> str:
    try:
        return normalise_email(given)
    except ValueError as error:
        raise Invalid(errors={"email": str(error)}) from None


def _login_email(given: str) -> str:
    try:
        return normalise_email(given)
    except ValueError:
        return given


def _check(**faults: str | None) -> None:
    found = {field: fault for field, fault in faults.items() if fault}
    if found:
        raise Invalid(errors=found)


def _found(row: Any) -> Any:
    if row is None:
        raise NotFound
    return row
