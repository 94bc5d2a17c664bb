"""Numbers of documents, and what is printed on them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a document is; each seller has a series of numbers of each kind."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


HEADINGS: Mapping[str, str] = {Kind.INVOICE: "Invoice", Kind.CREDIT_NOTE: "Credit note"}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Series:
    """How far a series has come: ``last`` is the newest number of ``year`` (0: none), issued at ``last_at``."""

    year: int
    last: int
    last_at: datetime | None = None


def next_in(series: Series, now: datetime, zone: tzinfo) -> Series:
    """Return the series after one more number, issued at ``now`` by the calendar of ``zone``.

    Numbers begin at 1 each year. They and their moments only ever go up: should the clock step back, the moment of
    the number before is used again.
    """
    issued_at = max(now, series.last_at or now)
    year = max(issued_at.astimezone(zone).year, series.year)
    return Series(year, series.last + 1 if year == series.year else 1, issued_at)


def number_of(prefix: str, seller_id: int, series: Series) -> str:
    """Return the newest number of ``series`` as it is printed, such as ``S7-2026-000042``."""
    return f"{prefix.replace('{seller}', str(seller_id))}{series.year}-{series.last:06}"


def file_name(number: str) -> str:
    """Return what a download of the document is called."""
    return f"{_UNSAFE.sub('-', number)}.pdf"


def full_name(first: str, last: str, username: str) -> str:
    """Return a person's name, or failing that what they call themselves."""
    return f"{first} {last}".strip() or username


def address_lines(ship_to: Mapping[str, str]) -> list[str]:
    """Return where the goods go, line by line."""
    city = f"{ship_to.get('postal_code', '')} {ship_to.get('city', '')}"
    lines = (ship_to.get("line1"), ship_to.get("line2"), city, ship_to.get("region"), ship_to.get("country"))
    return [line.strip() for line in lines if line and line.strip()]


def printed(kind: str, number: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the template prints of a document with that snapshot."""
    return {
        "heading": HEADINGS[kind],
        "number": number,
        "issuer": _issuer(content["issuer"]),
        "parties": [
            {"role": "Seller", "lines": _party(content["seller"])},
            {"role": "Buyer", "lines": _party(content["buyer"])},
        ],
        "facts": [list(fact) for fact in _facts(content)],
        "lines": [
            [line["title"], str(line["quantity"]), _amount(line["unit_price"]), _amount(line["total"])]
            for line in content["lines"]
        ],
        "total": _amount(content["total"]),
    }


def _issuer(issuer: Mapping[str, Any]) -> list[str]:
    tax_id = [f"Tax ID {issuer['tax_id']}"] if issuer["tax_id"] else []
    return [line for line in (issuer["name"], *issuer["address"], *tax_id) if line]


def _party(party: Mapping[str, Any]) -> list[str]:
    account = f"{party['username']} (account {party['id']})"
    return [party["name"], *party["address"], account]


def _facts(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Date", content["issued_on"]
    if content["refers_to"]:
        yield "For invoice", f"{content['refers_to']['number']} of {content['refers_to']['issued_on']}"
    yield "Order", f"{content['order']['id']} of {content['order']['placed_on']}"
    if content["order"]["paid_on"]:
        yield "Paid", content["order"]["paid_on"]
    yield "Order reference", content["order"]["reference"]


def _amount(money: Mapping[str, str]) -> str:
    return f"{money['amount']} {money['currency']}"
