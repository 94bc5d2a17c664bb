"""Bodies, queries and documents of opinions."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.web.schema import PageQuery, Schema, flag, key, listing, moment, nullable, page_of, text, whole


def mark(**options: Any) -> colander.SchemaNode:
    """Return a node of one to five stars."""
    return whole(1, 5, **options)


def mean(**options: Any) -> colander.SchemaNode:
    """Return a node of an average such as 4.50; null while there is none."""
    return nullable(text(4, **options))


class NewReview(Schema):
    """What you think of a product that you have received."""

    rating = mark()
    title = text(120, min_length=1)
    body = text(5000, missing="")


class ReviewChange(Schema):
    """What to change of your review."""

    rating = mark(missing=colander.drop)
    title = text(120, min_length=1, missing=colander.drop)
    body = text(5000, missing=colander.drop)


class Reply(Schema):
    """A seller's answer."""

    reply = text(2000, min_length=1)


class Moderation(Schema):
    """Whether an opinion is hidden, and why."""

    hidden = flag()
    reason = text(500, min_length=1)


class ReviewsQuery(PageQuery):
    """Which reviews of a product."""

    rating = mark(missing=None, description="only those with so many stars")


class Author(Schema):
    """Whose opinion it is."""

    id = key()
    username = text(60)


class ReviewDocument(Schema):
    """A review; only admins and its author ever see a hidden one."""

    id = key()
    product_id = key()
    author = Author()
    rating = mark()
    title = text(120)
    body = text(5000)
    reply = nullable(text(2000))
    replied_at = nullable(moment())
    hidden = flag()
    hidden_reason = nullable(text(500))
    created_at = moment()
    edited_at = nullable(moment())


class StarCount(Schema):
    """How many have given so many stars."""

    stars = mark()
    count = whole(0, 2**31 - 1)


class ProductRatingDocument(Schema):
    """What a product is rated."""

    average = mean()
    count = whole(0, 2**31 - 1)
    stars = listing(StarCount(name="star"))


class NewFeedback(Schema):
    """How an order of yours was: one to five stars each."""

    seller_rating = mark()
    platform_rating = mark()
    communication = mark()
    shipping = mark()
    accuracy = mark(description="whether it was as described")
    comment = text(2000, missing="")


class FeedbackDocument(Schema):
    """Feedback about an order. What others think of the platform is the platform's alone: null."""

    id = key()
    order_id = nullable(key())
    seller_id = key()
    buyer = Author()
    seller_rating = mark()
    platform_rating = nullable(mark())
    communication = mark()
    shipping = mark()
    accuracy = mark()
    comment = text(2000)
    reply = nullable(text(2000))
    replied_at = nullable(moment())
    hidden = flag()
    hidden_reason = nullable(text(500))
    created_at = moment()


class SellerRatingDocument(Schema):
    """What buyers think of a seller."""

    seller_id = key()
    count = whole(0, 2**31 - 1)
    average = mean()
    communication = mean()
    shipping = mean()
    accuracy = mean()


class PlatformRatingDocument(Schema):
    """What buyers think of the marketplace itself."""

    count = whole(0, 2**63 - 1)
    average = mean()


ReviewPage = page_of(ReviewDocument, "ReviewPage")
FeedbackPage = page_of(FeedbackDocument, "FeedbackPage")
