"""Somebody's addresses, of which exactly one is the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text

from marketcore.addresses.places import Places
from marketcore.addresses.rules import PLACE, check_place, written_out
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.settings import section

_READ = """
    SELECT a.id, a.label, a.name, a.phone, a.line1, a.line2, a.postal_code, a.city_id, p.id AS province_id,
           coalesce(c.name, a.city) AS city, coalesce(p.name, a.region) AS region,
           coalesce(p.country, a.country) AS country, a.is_default, a.created_at
    FROM addresses a LEFT JOIN cities c ON c.id = a.city_id LEFT JOIN provinces p ON p.id = c.province_id
    WHERE a.user_id = :user
"""
_PAGE = text(f"{_READ} AND a.id > :after ORDER BY a.id LIMIT :limit")
_ONE = text(f"{_READ} AND a.id = :id")
_DEFAULT = text(f"{_READ} AND a.is_default")
# Changes of one person's addresses are made one after the other: the default is then always exactly one.
_LOCK = text("SELECT id FROM users WHERE id = :user FOR NO KEY UPDATE")
_COUNT = text("SELECT count(*) FROM addresses WHERE user_id = :user")
_NO_DEFAULT = text("UPDATE addresses SET is_default = false WHERE user_id = :user AND is_default")
_MAKE_DEFAULT = text("UPDATE addresses SET is_default = true WHERE user_id = :user AND id = :id")
_NEWEST_IS_DEFAULT = text(
    """UPDATE addresses SET is_default = true
       WHERE id = (SELECT max(id) FROM addresses WHERE user_id = :user) AND user_id = :user"""
)
_COLUMNS = ("label", "name", "phone", "line1", "line2", "postal_code", "city_id", "city", "region", "country")
_ADD = text(
    f"""INSERT INTO addresses (user_id, {", ".join(_COLUMNS)})
        VALUES (:user, {", ".join(f":{name}" for name in _COLUMNS)}) RETURNING id"""
)
_CHANGE = text(
    f"UPDATE addresses SET {', '.join(f'{name} = :{name}' for name in _COLUMNS)} WHERE user_id = :user AND id = :id"
)
_RAW = text(f"SELECT {', '.join(_COLUMNS)}, is_default FROM addresses WHERE user_id = :user AND id = :id")
_REMOVE = text("DELETE FROM addresses WHERE user_id = :user AND id = :id RETURNING is_default")


class AddressBook:
    """Addresses of one person at a time: to everybody else they are not there."""

    def __init__(self, session: Any, places: Places, limit: int) -> None:
        self._session = session
        self._places = places
        self._limit = limit

    def page(self, user_id: int, after: int, limit: int) -> list[Any]:
        """Return up to ``limit`` addresses, oldest first, ids above ``after``."""
        return list(self._session.execute(_PAGE, {"user": user_id, "after": after, "limit": limit}))

    def read(self, user_id: int, address_id: int) -> Any:
        """Return one address; ``NotFound`` for anybody else's."""
        row = self._session.execute(_ONE, {"user": user_id, "id": address_id}).first()
        if row is None:
            raise NotFound(f"you have no address {address_id}")
        return row

    def add(self, user_id: int, given: Mapping[str, Any]) -> int:
        """Add an address and return its id; the first is the default, later ones where ``default`` says so."""
        check_place(given)
        self._lock(user_id)
        count = self._session.execute(_COUNT, {"user": user_id}).scalar_one()
        if count >= self._limit:
            raise Conflict(f"you keep {count} addresses, and at most {self._limit}: remove one first")
        written = {name: given.get(name, "") for name in _COLUMNS if name not in PLACE}
        row = {"user": user_id, **written, **self._places.locate(given)}
        address_id: int = self._session.execute(_ADD, row).scalar_one()
        if given.get("default") or count == 0:
            self._make_default(user_id, address_id)
        return address_id

    def change(self, user_id: int, address_id: int, given: Mapping[str, Any]) -> None:
        """Change an address; its place is given as a whole. Orders keep the copy they were placed with."""
        if moved := any(name in given for name in PLACE):
            check_place(given)
        self._lock(user_id)
        row = self._session.execute(_RAW, {"user": user_id, "id": address_id}).mappings().first()
        if row is None:
            raise NotFound(f"you have no address {address_id}")
        if row["is_default"] and given.get("default") is False:
            raise Invalid(errors={"default": "make another address the default instead"})
        kept = {name: given.get(name, row[name]) for name in _COLUMNS}
        place = self._places.locate(given) if moved else {name: row[name] for name in PLACE}
        self._session.execute(_CHANGE, {"user": user_id, "id": address_id, **kept, **place})
        if given.get("default"):
            self._make_default(user_id, address_id)

    def remove(self, user_id: int, address_id: int) -> None:
        """Remove an address; where it was the default, the newest of the others becomes it."""
        self._lock(user_id)
        gone = self._session.execute(_REMOVE, {"user": user_id, "id": address_id}).first()
        if gone is None:
            raise NotFound(f"you have no address {address_id}")
        if gone.is_default:
            self._session.execute(_NEWEST_IS_DEFAULT, {"user": user_id})

    def destination(self, user_id: int, address_id: int) -> dict[str, str]:
        """Return an address as checkouts keep it; ``NotFound`` for anybody else's."""
        return written_out(self.read(user_id, address_id))

    def default_destination(self, user_id: int) -> dict[str, str] | None:
        """Return the default address as checkouts keep it, or ``None``."""
        row = self._session.execute(_DEFAULT, {"user": user_id}).first()
        return written_out(row) if row else None

    def _lock(self, user_id: int) -> None:
        self._session.execute(_LOCK, {"user": user_id})

    def _make_default(self, user_id: int, address_id: int) -> None:
        self._session.execute(_NO_DEFAULT, {"user": user_id})
        self._session.execute(_MAKE_DEFAULT, {"user": user_id, "id": address_id})


def address_book(_context: Any, request: Any) -> AddressBook:
    """Return the request's ``AddressBook``."""
    limit = section(request.registry, "addresses")["max_per_user"]
    return AddressBook(request.db, request.find_service(Places), limit)
