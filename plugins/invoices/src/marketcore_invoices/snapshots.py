"""What a document says, frozen from rows as they stand when it is issued."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, tzinfo
from typing import Any

from marketcore.money import Money
from marketcore.web.json import present_money
from marketcore_invoices.rules import address_lines, full_name


class Snapshots:
    """Writes down what documents say, by the calendar and in the name of one marketplace."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._zone: tzinfo = settings["time_zone"]
        self._issuer = {
            "name": settings["issuer_name"],
            "address": [line.strip() for line in settings["issuer_address"].splitlines() if line.strip()],
            "tax_id": settings["issuer_tax_id"],
        }

    def midnight(self, day: date | None) -> datetime | None:
        """Return when ``day`` begins here."""
        return datetime.combine(day, time(), self._zone) if day else None

    def of_order(self, order: Any, issued_at: datetime) -> dict[str, Any]:
        """Return the content of an order's invoice; the platform's commission is no part of it."""
        return {
            "issuer": self._issuer,
            "issued_on": self._day(issued_at),
            "refers_to": None,
            "seller": self._party(order.seller_id, order.seller_name, order.seller_full_name, {}),
            "buyer": self._party(order.buyer_id, order.buyer_name, order.buyer_full_name, order.ship_to),
            "order": {
                "id": order.id,
                "reference": str(order.reference),
                "placed_on": self._day(order.created_at),
                "paid_on": self._day(order.paid_at) if order.paid_at else None,
            },
            "lines": [_line(line, order.currency) for line in order.lines],
            "total": present_money(order.total_minor, order.currency),
        }

    def of_refund(self, invoice: Any, amount: Money, issued_at: datetime) -> dict[str, Any]:
        """Return the content of a credit note that gives ``amount`` of ``invoice`` back."""
        credited = present_money(amount.minor, amount.currency)
        title = f"Refund of invoice {invoice.number}"
        return {
            **invoice.content,
            "issuer": self._issuer,
            "issued_on": self._day(issued_at),
            "refers_to": {
                "id": invoice.id,
                "number": invoice.number,
                "issued_on": invoice.content["issued_on"],
            },
            "lines": [{"title": title, "quantity": 1, "unit_price": credited, "total": credited}],
            "total": credited,
        }

    def _day(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).date().isoformat()

    @staticmethod
    def _party(id: int, username: str, name: tuple[str, str], ship_to: Mapping[str, str]) -> dict[str, Any]:
        known = ship_to.get("name", "").strip() or full_name(*name, username)
        return {"id": id, "username": username, "name": known, "address": address_lines(ship_to)}


def _line(line: Mapping[str, Any], currency: str) -> dict[str, Any]:
    return {
        "title": line["title"],
        "quantity": line["quantity"],
        "unit_price": present_money(line["unit"], currency),
        "total": present_money(line["total"], currency),
    }
