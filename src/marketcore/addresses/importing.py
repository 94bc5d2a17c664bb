"""Reading provinces and cities from a file: ``country,province,city`` a line, as spreadsheets write them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

from marketcore.exceptions import Invalid

MOST_ROWS = 50_000
_COUNTRY = re.compile(r"[A-Z]{2}")
_LONGEST = 100


def read_places(lines: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return (country, province, city) of each line; a line without a city names a province alone.

    ``Invalid`` names the line that cannot be used; a first line ``country,province,city`` is passed over.
    """
    try:
        return _read(csv.reader(lines))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"the file is no text in UTF-8 with commas: {error}") from None


def _read(lines: Iterable[list[str]]) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for number, fields in enumerate(lines, start=1):
        row = [field.strip() for field in fields]
        if not any(row) or (number == 1 and row[0].lower() == "country"):
            continue
        if len(rows) == MOST_ROWS:
            raise Invalid(f"line {number}: a file has at most {MOST_ROWS} places; import the rest as another file")
        rows.append(_checked(number, row))
    if not rows:
        raise Invalid("the file names no place: write country,province,city on each line")
    return rows


def _checked(number: int, row: list[str]) -> tuple[str, str, str]:
    country, province, city = (*row, "")[:3] if len(row) in (2, 3) else ("", "", "")
    if not _COUNTRY.fullmatch(country) or not province:
        raise Invalid(
            f"line {number} is {','.join(row)[:80]!r}: write country,province,city such as KE,Nairobi,Westlands"
        )
    if max(len(province), len(city)) > _LONGEST or "\0" in province + city:
        raise Invalid(f"line {number}: a name has at most {_LONGEST} characters, none of them NUL")
    return country, province, city
