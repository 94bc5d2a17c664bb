"""Finding people, keeping contacts, and blocking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from marketcore.exceptions import Invalid, NotFound
from marketcore_messaging.beginning import PERSON
from marketcore_messaging.presenting import present_person
from marketcore_messaging.rules import end_of_prefix, pair

_SHOWN = "u.id AS person_id, u.username, p.variants ->> 'thumb' AS picture"
_PICTURE = "LEFT JOIN media_objects p ON p.id = u.picture_id AND p.state = 'ready'"
_NAME = 'lower(u.username) COLLATE "C"'
_FIND = text(
    f"""SELECT {_SHOWN} FROM users u {_PICTURE}
        WHERE {_NAME} >= :low AND {_NAME} < :high AND u.id <> :user AND u.blocked_at IS NULL
        ORDER BY {_NAME} LIMIT :limit"""
)
_LISTED = """SELECT {shown}, {name} AS sorted, r.created_at FROM {table} r JOIN users u ON u.id = r.{other} {picture}
             WHERE r.user_id = :user AND ({name}, u.id) > (:after, :id) ORDER BY {name}, u.id LIMIT :limit"""
_CONTACTS = text(
    _LISTED.format(table="messaging_contacts", other="contact_id", shown=_SHOWN, name=_NAME, picture=_PICTURE)
)
_BLOCKS = text(_LISTED.format(table="messaging_blocks", other="blocked_id", shown=_SHOWN, name=_NAME, picture=_PICTURE))
_ADD = text("INSERT INTO messaging_contacts (user_id, contact_id) VALUES (:user, :other) ON CONFLICT DO NOTHING")
_PERSON = text(
    f"""SELECT {_SHOWN}, r.created_at FROM messaging_contacts r JOIN users u ON u.id = r.contact_id {_PICTURE}
        WHERE r.user_id = :user AND r.contact_id = :other"""
)
_REMOVE = text("DELETE FROM messaging_contacts WHERE user_id = :user AND contact_id = :other RETURNING contact_id")
_KNOWN = text("SELECT id FROM users WHERE id = :other")
# Whoever writes at this moment holds the same lock: after a block, nothing comes any more.
_LOCK_PAIR = text(
    """SELECT id FROM messaging_conversations WHERE kind = 'direct' AND low_id = :low AND high_id = :high
       FOR NO KEY UPDATE"""
)
_BLOCK = text("INSERT INTO messaging_blocks (user_id, blocked_id) VALUES (:user, :other) ON CONFLICT DO NOTHING")
_UNBLOCK = text("DELETE FROM messaging_blocks WHERE user_id = :user AND blocked_id = :other RETURNING blocked_id")


class PeopleService:
    """The people that ``user_id`` looks for, knows, or wants to hear nothing of."""

    def __init__(self, session: Any, registry: Any, user_id: int) -> None:
        self._session = session
        self._registry = registry
        self._user = user_id

    def find(self, prefix: str, limit: int) -> list[dict[str, Any]]:
        """Return people whose usernames begin with ``prefix``, of ASCII, in the order of their names."""
        low = prefix.lower()
        values = {"low": low, "high": end_of_prefix(low), "user": self._user, "limit": limit}
        return [present_person(self._registry, row) for row in self._session.execute(_FIND, values)]

    def contacts(self, after: Sequence[Any] | None, limit: int) -> list[Any]:
        """Return rows of their contacts by name, after the (name, id) of another."""
        return self._listed(_CONTACTS, after, limit)

    def blocks(self, after: Sequence[Any] | None, limit: int) -> list[Any]:
        """Return rows of whom they have blocked by name, after the (name, id) of another."""
        return self._listed(_BLOCKS, after, limit)

    def _listed(self, statement: Any, after: Sequence[Any] | None, limit: int) -> list[Any]:
        name, id = after or ("", 0)
        return list(self._session.execute(statement, {"user": self._user, "after": name, "id": id, "limit": limit}))

    def add_contact(self, username: str) -> Any:
        """Keep somebody as a contact and return the row.

        ``NotFound`` for an unknown name, ``Invalid`` for one's own.
        """
        other = self._session.execute(PERSON, {"username": username}).scalar_one_or_none()
        if other is None:
            raise NotFound("there is nobody of this name")
        if other == self._user:
            raise Invalid(errors={"username": "is your own: contacts are other people"})
        values = {"user": self._user, "other": other}
        self._session.execute(_ADD, values)
        return self._session.execute(_PERSON, values).one()

    def remove_contact(self, other_id: int) -> None:
        """Forget a contact; the conversation with them stays. ``NotFound`` if it is none of theirs."""
        if self._session.execute(_REMOVE, {"user": self._user, "other": other_id}).first() is None:
            raise NotFound(f"user {other_id} is no contact of yours")

    def block(self, other_id: int) -> None:
        """Let neither of them write to the other any more; ``NotFound`` for nobody, ``Invalid`` for themselves."""
        if other_id == self._user:
            raise Invalid(errors={"user_id": "is your own: you can block other people"})
        values = {"user": self._user, "other": other_id}
        if self._session.execute(_KNOWN, values).first() is None:
            raise NotFound(f"there is no user {other_id}")
        low, high = pair(self._user, other_id)
        self._session.execute(_LOCK_PAIR, {"low": low, "high": high})
        self._session.execute(_BLOCK, values)

    def unblock(self, other_id: int) -> None:
        """Take a block back; the other's, if there is one, stands. ``NotFound`` if there is none of theirs."""
        if self._session.execute(_UNBLOCK, {"user": self._user, "other": other_id}).first() is None:
            raise NotFound(f"you have not blocked user {other_id}")


def people_service(_context: Any, request: Any) -> PeopleService:
    """Return the request's ``PeopleService``."""
    return PeopleService(request.db, request.registry, request.identity.user_id)
