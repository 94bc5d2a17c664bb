"""What people say of payments by hand."""

from __future__ import annotations

from marketcore.web.schema import MoneyNode, Schema, text


class ReceivedBody(Schema):
    """That the money came: exactly what was asked for, and how to find it in the books of whoever received it."""

    amount = MoneyNode()
    receipt = text(180, min_length=1)


class RejectionBody(Schema):
    """That it will not come."""

    reason = text(150, min_length=1)
