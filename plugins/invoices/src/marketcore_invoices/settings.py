"""``invoices.*``: who the marketplace is, how numbers look, and which orders get an invoice."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import colander

_PREFIX = colander.Regex(
    r"^[A-Za-z0-9/._-]{0,12}(\{seller\})?[A-Za-z0-9/._-]{0,12}$",
    "may hold letters, digits and / . _ - around one {seller}, at most 12 on either side",
)


class Zone(colander.SchemaType):
    """The name of a time zone, such as ``Africa/Nairobi``; it reads as a ``ZoneInfo``."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return the zone of that name."""
        if cstruct is colander.null:
            return colander.null
        try:
            return ZoneInfo(cstruct)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise colander.Invalid(node, "is not a time zone such as UTC or Africa/Nairobi") from None


def _is_folder(node: colander.SchemaNode, value: str) -> None:
    if value and not Path(value).is_dir():
        raise colander.Invalid(node, "is not a folder")


class InvoiceSettings(colander.MappingSchema):
    """The marketplace as it stands on every invoice, and its numbers."""

    issuer_name = colander.SchemaNode(colander.String(), missing="", description="the marketplace, as a company")
    issuer_address = colander.SchemaNode(colander.String(), missing="", description="its address, several lines")
    issuer_tax_id = colander.SchemaNode(colander.String(), missing="")
    time_zone = colander.SchemaNode(Zone(), missing=ZoneInfo("UTC"), description="decides on days and years")
    invoice_prefix = colander.SchemaNode(colander.String(), missing="S{seller}-", validator=_PREFIX)
    credit_note_prefix = colander.SchemaNode(colander.String(), missing="S{seller}-C-", validator=_PREFIX)
    since = colander.SchemaNode(colander.Date(), missing=None, description="orders placed before this day get none")
    font_folder = colander.SchemaNode(
        colander.String(), missing="", validator=_is_folder, description="fonts for scripts the built-in ones lack"
    )

    def validator(self, node: colander.SchemaNode, given: dict[str, str]) -> None:
        """Refuse series of one seller that could not be told apart."""
        if given["invoice_prefix"] == given["credit_note_prefix"]:
            refusal = colander.Invalid(node)
            refusal["credit_note_prefix"] = "has to differ from invoices.invoice_prefix"
            raise refusal
