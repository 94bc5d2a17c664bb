"""Bodies, queries and documents of streams."""

from __future__ import annotations

import colander

from marketcore.catalog.schemas import OfferDocument, payable
from marketcore.orders.schemas import Person, StreamPosition
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
    whole,
)

STATES = ("scheduled", "live", "ended")
LONGEST_MESSAGE = 500
_COUNT = 2**31 - 1


class NewStream(Schema):
    """A stream to plan."""

    title = text(200, min_length=1)
    description = text(5000, missing="")
    scheduled_for = moment(missing=None)


class StreamChange(Schema):
    """What to change of a stream."""

    title = text(200, min_length=1, missing=colander.drop)
    description = text(5000, missing=colander.drop)
    scheduled_for = moment(missing=colander.drop)
    slow_mode_seconds = whole(0, 3600, missing=colander.drop, description="least time between one's messages; 0: any")


class StreamQuery(PageQuery):
    """Which streams to list."""

    state = choice(*STATES, missing=None)
    seller_id = key(missing=None)


class ShownListing(Schema):
    """How a product is on sale, at its usual price."""

    id = key()
    kind = text(30)
    state = choice("active", "paused")
    price = MoneyNode()
    quantity = whole(0, _COUNT)


class ShownProduct(Schema):
    """What is shown; `cover` is the address of a small picture."""

    id = key()
    title = text(200)
    cover = nullable(text(500))


class ItemDocument(Schema):
    """A product of the run list; with a `flash_price` it costs that until then."""

    id = key()
    product = ShownProduct()
    pinned = flag()
    listing = nullable(ShownListing())
    flash_price = nullable(OfferDocument())


class StreamSummary(Schema):
    """A stream as lists show it; `viewers` is the latest count, `null` where it is not known."""

    id = key()
    seller = Person()
    title = text(200)
    description = text(5000)
    state = choice(*STATES)
    scheduled_for = nullable(moment())
    started_at = nullable(moment())
    ended_at = nullable(moment())
    end_reason = nullable(text(30))
    slow_mode_seconds = whole(0, 3600)
    viewers = nullable(whole(0, _COUNT))
    products = whole(0, _COUNT, description="in the run list")
    created_at = moment()


class StreamDocument(StreamSummary):
    """A stream with its run list, and its place in the live stream."""

    run_list = listing(ItemDocument(name="item"))
    stream = StreamPosition()


StreamPage = page_of(StreamSummary, "StreamPage")


class RunListDocument(Schema):
    """The run list in its order."""

    items = listing(ItemDocument(name="item"))


class NewItem(Schema):
    """A product of yours to show."""

    product_id = key()


class ItemOrder(Schema):
    """The ids of all items, in their new order."""

    order = colander.SchemaNode(colander.Sequence(), key(name="item"), validator=colander.Length(max=500))


class Pin(Schema):
    """The item to show now; `null` for none."""

    item_id = key(missing=None)


class FlashPrice(Schema):
    """A lower price, until then or until the stream ends."""

    price = MoneyNode(validator=payable)
    until = moment(missing=None)


class NewMessage(Schema):
    """Something to say."""

    body = text(LONGEST_MESSAGE, min_length=1)


class LiveMessage(NewMessage):
    """Something to say in a stream."""

    stream_id = key()


class MessageDocument(Schema):
    """Something that was said."""

    id = key()
    stream_id = key()
    author = Person()
    body = text(LONGEST_MESSAGE)
    created_at = moment()


MessagePage = page_of(MessageDocument, "StreamMessagePage")


class Somebody(Schema):
    """Whom it is about."""

    user_id = key()


class GuestDocument(Schema):
    """Somebody in a stream."""

    user = Person()


class BannedDocument(GuestDocument):
    """Somebody who may not take part."""

    banned_at = moment()


ModeratorPage = page_of(GuestDocument, "StreamModeratorPage")
BanPage = page_of(BannedDocument, "StreamBanPage")


class ViewersDocument(Schema):
    """How many are watching; `null` where it is not known."""

    stream_id = key()
    viewers = nullable(whole(0, _COUNT))


class Membership(Schema):
    """You are in: listen to `channel`, and join again within `seconds` while you have no socket."""

    stream_id = key()
    channel = text(120)
    seconds = whole(1, 3600)


class SeatWish(Schema):
    """As whom to take part in the video."""

    role = choice("host", "audience", missing="audience")


class SeatDocument(Schema):
    """A token for the video provider; ask again before `expires_at` to renew it."""

    provider = text(60)
    app_id = text(100)
    channel = text(63)
    uid = whole(1, 2**32 - 1)
    role = choice("host", "audience")
    token = text(5000)
    expires_at = moment()


class Started(Schema):
    """The stream has begun."""

    stream_id = key()
    started_at = moment()


class Ended(Schema):
    """The stream is over."""

    stream_id = key()
    ended_at = moment()
    reason = text(30)


class Changed(Schema):
    """The stream is called otherwise, or its chat has another pace."""

    stream_id = key()
    title = text(200)
    slow_mode_seconds = whole(0, 3600)


class RunListChanged(Schema):
    """Products came, went or changed places: load the run list."""

    stream_id = key()
    items = whole(0, _COUNT)


class Pinned(Schema):
    """This is shown now; `null`: nothing."""

    stream_id = key()
    item_id = nullable(key())
    product_id = nullable(key())


class FlashNews(Schema):
    """An item costs this until then; `null`: its usual price again."""

    stream_id = key()
    item_id = key()
    listing_id = key()
    price = nullable(MoneyNode())
    until = nullable(moment())


class MessageGone(Schema):
    """A message was deleted."""

    stream_id = key()
    message_id = key()


class GuestGone(Schema):
    """Somebody was banned."""

    stream_id = key()
    user = Person()
