"""What notifications read and answer."""

from __future__ import annotations

import colander

from marketcore.notifications.rules import CHANNELS
from marketcore.web.schema import (
    Anything,
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
    whole,
)


class NotificationDocument(Schema):
    """Something you were told; ``times`` counts repetitions while it was unread."""

    id = key()
    type = text(60)
    line = text(300)
    data = colander.SchemaNode(Anything())
    times = whole(1, 2**31 - 1)
    created_at = moment()
    updated_at = moment()
    read_at = nullable(moment())


NotificationPage = page_of(NotificationDocument, "NotificationPage")


class NotificationQuery(PageQuery):
    """Which notifications to list."""

    unread = flag(missing=False, description="true: only what you have not read")


class Unread(Schema):
    """How many notifications you have not read."""

    unread = whole(0, 2**31 - 1)


class ChoiceDocument(Schema):
    """By which channels you are told of a type; ``optional`` ones can be switched off."""

    type = text(60)
    title = text(200)
    optional = flag()
    channels = listing(choice(*CHANNELS, name="item"))


class Choices(Schema):
    """Every type of notification."""

    items = listing(ChoiceDocument(name="item"))


class NewChoice(Schema):
    """The channels by which you want to be told of a type; none of them: not at all."""

    type = text(60, min_length=1)
    channels = listing(choice(*CHANNELS, name="item"), validator=colander.Length(max=3))
