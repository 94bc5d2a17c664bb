"""Pure: figures as CSV (RFC 4180) that a spreadsheet shows and never carries out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

# Source: OWASP, "CSV Injection": what begins so is taken for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """Return a table with a line of headings; text that looks like a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_harmless(value) for value in row] for row in rows)
    return out.getvalue()


def _harmless(value: str | int) -> str | int:
    if not isinstance(value, str) or not value.lstrip(" ").startswith(_FORMULA):
        return value
    # An amount below zero is a number.
    return value if value[:1] == "-" and value[1:].replace(".", "", 1).isdigit() else f"'{value}"
