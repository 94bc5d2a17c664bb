"""Bodies, queries and documents of complaints."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.media.schemas import PrivateFileDocument
from marketcore.web.schema import (
    MoneyNode,
    PageQuery,
    Schema,
    choice,
    flag,
    key,
    listing,
    moment,
    nullable,
    page_of,
    text,
)
from marketcore_complaints.rules import CATEGORIES, STATES, Kind, Part


class NewComplaint(Schema):
    """What you complain about: exactly one of an order of yours, a product and a person."""

    order_id = key(missing=colander.drop)
    product_id = key(missing=colander.drop)
    user_id = key(missing=colander.drop)
    category = choice(*CATEGORIES)
    subject = text(120, min_length=1)
    body = text(4000, min_length=1)
    freeze = flag(missing=False, description="true: the order's held money stands still until this is decided")

    def validator(self, node: colander.SchemaNode, value: dict[str, Any]) -> None:
        """Refuse anything but exactly one thing to complain about."""
        given = [name for name in ("order_id", "product_id", "user_id") if name in value]
        if len(given) != 1:
            refusal = colander.Invalid(node)
            refusal.add(colander.Invalid(node["order_id"], "give exactly one of: order_id, product_id, user_id"))
            raise refusal


class ComplaintsQuery(PageQuery):
    """Which complaints."""

    role = choice(*Part, missing=Part.COMPLAINANT, description="your part in them; `staff`, for admins, means all")
    state = choice(*STATES, missing=None)


class NewMessage(Schema):
    """Something to say."""

    body = text(4000, min_length=1)


class Decision(Schema):
    """How a complaint ends, and what goes back to the buyer."""

    outcome = choice("resolved", "rejected")
    reason = text(2000, min_length=1)
    refund = choice("none", "all", "part", missing="none")
    amount = MoneyNode(missing=None, description="with `refund`: `part`")


class FileQuery(Schema):
    """Which variant of an image."""

    variant = choice("large", "thumb", missing="large")


class Person(Schema):
    """Somebody."""

    id = key()
    username = text(60)


class About(Schema):
    """What a complaint is about."""

    kind = choice(*Kind)
    id = key()


class ComplaintDocument(Schema):
    """A complaint as lists show it."""

    id = key()
    about = About()
    part = choice(*Part, description="your part in it")
    complainant = Person()
    respondent = Person()
    category = choice(*CATEGORIES)
    subject = text(120)
    state = choice(*STATES)
    frozen = nullable(MoneyNode(description="what is frozen for it now"))
    refund_id = nullable(text(36))
    outcome = nullable(text(2000))
    created_at = moment()
    ended_at = nullable(moment())


class WholeComplaintDocument(ComplaintDocument):
    """A complaint with its files."""

    files = listing(PrivateFileDocument(name="file"))


class MessageDocument(Schema):
    """Something that was said."""

    id = key()
    author = Person()
    part = choice(*Part)
    body = text(4000)
    created_at = moment()


class ComplaintNews(Schema):
    """A complaint has taken a step."""

    complaint_id = key()
    order_id = nullable(key())
    state = choice(*STATES)


class MessageNews(Schema):
    """Something was said about a complaint."""

    complaint_id = key()
    message_id = key()
    part = choice(*Part)


ComplaintPage = page_of(ComplaintDocument, "ComplaintPage")
MessagePage = page_of(MessageDocument, "MessagePage")
