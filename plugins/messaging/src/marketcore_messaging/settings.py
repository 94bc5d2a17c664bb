"""``messaging.*``."""

from __future__ import annotations

from typing import Any

import colander


def _whole(missing: int, low: int, high: int, description: str) -> Any:
    return colander.SchemaNode(
        colander.Integer(), missing=missing, validator=colander.Range(low, high), description=description
    )


def _rate(missing: str, description: str) -> Any:
    return colander.SchemaNode(colander.String(), missing=missing, description=description)


class Rates(colander.MappingSchema):
    """``messaging.rate.NAME``: how often one person may do something, such as ``60/minute``; ``off`` sets no limit."""

    find = _rate("30/minute", "look for people")
    start = _rate("60/hour", "begin conversations, and add contacts")
    send = _rate("60/minute", "send messages")
    signal = _rate("120/minute", "say that one is typing, or has read")
    upload = _rate("30/minute", "upload files")
    status = _rate("30/hour", "post statuses")


class MessagingSettings(colander.MappingSchema):
    """What messages may be like, and when people are told of them."""

    remind_seconds = _whole(60, 1, 86_400, "how long a message stays unread before its reader is notified")
    status_hours = _whole(24, 1, 168, "how long a status can be seen")
    keep_unused_hours = _whole(24, 1, 720, "how long an uploaded file waits for its message")
    rate = Rates(missing=Rates().deserialize({}))
