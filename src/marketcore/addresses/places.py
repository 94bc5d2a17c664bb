"""Provinces and cities: kept by admins, chosen by everybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.exc import IntegrityError

from marketcore.exceptions import Conflict, Invalid, NotFound

_FOREIGN_KEY_VIOLATION, _UNIQUE_VIOLATION = "23503", "23505"
_PROVINCES = text(
    """SELECT id, country, name, lower(name) AS sorted FROM provinces
       WHERE (CAST(:country AS text) IS NULL OR country = :country) AND (lower(name), id) > (:name, :id)
       ORDER BY lower(name), id LIMIT :limit"""
)
_CITIES = text(
    """SELECT id, province_id, name, lower(name) AS sorted FROM cities
       WHERE province_id = :province AND (lower(name), id) > (:name, :id) ORDER BY lower(name), id LIMIT :limit"""
)
_PROVINCE = text("SELECT id, country, name FROM provinces WHERE id = :id")
_CITY = text("SELECT id, province_id, name FROM cities WHERE id = :id")
_ADD_PROVINCE = text("INSERT INTO provinces (country, name) VALUES (:country, :name) RETURNING id")
_ADD_CITY = text("INSERT INTO cities (province_id, name) VALUES (:province, :name) RETURNING id")
_CHANGE = {
    table: text(f"UPDATE {table} SET name = :name WHERE id = :id RETURNING id") for table in ("provinces", "cities")
}
_REMOVE = {table: text(f"DELETE FROM {table} WHERE id = :id RETURNING id") for table in ("provinces", "cities")}
# What is written out is matched without regard to case; the city is held until the commit.
_FIND_CITY = text("SELECT id FROM cities WHERE id = :id FOR KEY SHARE")
_MATCH = text(
    """SELECT EXISTS (SELECT FROM cities c JOIN provinces p ON p.id = c.province_id
                      WHERE p.country = :country) AS known,
              (SELECT id FROM provinces WHERE country = :country AND lower(name) = lower(:region)) AS province_id"""
)
_MATCH_CITY = text("SELECT id FROM cities WHERE province_id = :province AND lower(name) = lower(:city) FOR KEY SHARE")
_IMPORT_PROVINCES = text(
    """INSERT INTO provinces (country, name)
       SELECT DISTINCT ON (country, lower(name)) country, name
       FROM unnest(CAST(:countries AS text[]), CAST(:provinces AS text[])) AS n(country, name)
       ON CONFLICT (country, lower(name)) DO NOTHING RETURNING id"""
)
_IMPORT_CITIES = text(
    """INSERT INTO cities (province_id, name)
       SELECT DISTINCT ON (p.id, lower(n.city)) p.id, n.city
       FROM unnest(CAST(:countries AS text[]), CAST(:provinces AS text[]), CAST(:cities AS text[]))
            AS n(country, province, city)
       JOIN provinces p ON p.country = n.country AND lower(p.name) = lower(n.province)
       WHERE n.city <> ''
       ON CONFLICT (province_id, lower(name)) DO NOTHING RETURNING id"""
)
START = ("", 0)


class Places:
    """Reads and changes provinces and cities."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def provinces(self, country: str | None, after: tuple[str, int], limit: int) -> list[Any]:
        """Return up to ``limit`` provinces of ``country`` (``None``: of all) by name, those after ``after``."""
        values = {"country": country, "name": after[0], "id": after[1], "limit": limit}
        return list(self._session.execute(_PROVINCES, values))

    def cities(self, province_id: int, after: tuple[str, int], limit: int) -> list[Any]:
        """Return up to ``limit`` cities of a province by name, those after the position ``after``."""
        self.province(province_id)
        values = {"province": province_id, "name": after[0], "id": after[1], "limit": limit}
        return list(self._session.execute(_CITIES, values))

    def province(self, province_id: int) -> Any:
        """Return one province."""
        return self._one(_PROVINCE, "province", province_id)

    def city(self, city_id: int) -> Any:
        """Return one city."""
        return self._one(_CITY, "city", city_id)

    def add_province(self, country: str, name: str) -> int:
        """Add a province and return its id; ``Conflict`` if the country has one of that name."""
        return self._add(_ADD_PROVINCE, {"country": country, "name": name.strip()})

    def add_city(self, province_id: int, name: str) -> int:
        """Add a city to a province and return its id; ``Conflict`` if it has one of that name."""
        self.province(province_id)
        return self._add(_ADD_CITY, {"province": province_id, "name": name.strip()})

    def rename(self, table: str, key: int, name: str) -> None:
        """Rename a row of ``provinces`` or ``cities``: the addresses that lie there follow, orders do not."""
        with _refusing():
            found = self._session.execute(_CHANGE[table], {"id": key, "name": name.strip()}).first()
        _check_found(found, table, key)

    def remove(self, table: str, key: int) -> None:
        """Remove a row of ``provinces`` or ``cities``; ``Conflict`` while cities or addresses lie in it."""
        with _refusing():
            found = self._session.execute(_REMOVE[table], {"id": key}).first()
        _check_found(found, table, key)

    def locate(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns of an address that say where it lies.

        ``given`` has a ``city_id``, or ``country``, ``region`` and ``city`` written out. Written out, they have to
        be a city that is known, unless none of the country is: then they stay as they were written.
        """
        if "city_id" in given:
            return {"city_id": self._known_city(given["city_id"]), "city": "", "region": "", "country": ""}
        written = {name: (given.get(name) or "").strip() for name in ("country", "region", "city")}
        found = self._session.execute(_MATCH, written).one()
        if not found.known:
            return {"city_id": None, **written}
        return {"city_id": self._matched(written, found.province_id), "city": "", "region": "", "country": ""}

    def load(self, rows: Iterable[tuple[str, str, str]]) -> tuple[int, int]:
        """Add (country, province, city) that are not there yet; return how many provinces and cities are new."""
        countries, provinces, cities = ([*column] for column in zip(*rows, strict=True))
        given = {"countries": countries, "provinces": provinces}
        added = len(self._session.execute(_IMPORT_PROVINCES, given).all())
        return added, len(self._session.execute(_IMPORT_CITIES, {**given, "cities": cities}).all())

    def _known_city(self, city_id: int) -> int:
        if self._session.execute(_FIND_CITY, {"id": city_id}).first() is None:
            raise Invalid(errors={"city_id": f"there is no city {city_id}"})
        return city_id

    def _matched(self, written: dict[str, str], province_id: int | None) -> int:
        country = written["country"]
        if province_id is None:
            why = f"must be a province of {country}: see /api/v1/provinces?country={country}"
            raise Invalid(errors={"region": why})
        values = {"province": province_id, "city": written["city"]}
        city_id: int | None = self._session.execute(_MATCH_CITY, values).scalar()
        if city_id is None:
            raise Invalid(errors={"city": f"must be one of /api/v1/provinces/{province_id}/cities"})
        return city_id

    def _add(self, statement: TextClause, values: dict[str, Any]) -> int:
        with _refusing():
            key: int = self._session.execute(statement, values).scalar_one()
        return key

    def _one(self, statement: TextClause, noun: str, key: int) -> Any:
        row = self._session.execute(statement, {"id": key}).first()
        if row is None:
            raise NotFound(f"there is no {noun} {key}")
        return row


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what the database's constraints refuse into what a caller understands."""
    try:
        yield
    except IntegrityError as error:
        state = getattr(error.orig, "sqlstate", "")
        if state == _UNIQUE_VIOLATION:
            raise Conflict("there is one of this name already") from None
        if state == _FOREIGN_KEY_VIOLATION:
            raise Conflict("cities or addresses lie in it: move or remove them first") from None
        raise


def _check_found(row: Any, table: str, key: int) -> None:
    if row is None:
        raise NotFound(f"there is no {'province' if table == 'provinces' else 'city'} {key}")


def places(_context: Any, request: Any) -> Places:
    """Return the request's ``Places``."""
    return Places(request.db)
