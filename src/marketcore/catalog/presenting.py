"""Rows of the catalog as documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from marketcore.catalog.rules import present_stars
from marketcore.media.presenting import present_image, public_address
from marketcore.web.json import dumps, present_money, utc

REMEMBERED = 5_000  # encoded listings of a process, about 1 kB each


def present_category(category: Any) -> dict[str, Any]:
    """Return the document of a category."""
    return {"id": category.id, "parent_id": category.parent_id, "name": category.name, "slug": category.slug}


def present_product(registry: Any, row: Any, images: Iterable[Any]) -> dict[str, Any]:
    """Return the summary of a product."""
    return {
        "id": row.id,
        "seller": {"id": row.seller_id, "username": row.username},
        "category_id": row.category_id,
        "title": row.title,
        "state": row.state,
        "images": present_images(registry, images),
        "listing_id": row.listing_id,
        "rating": present_rating(row),
        "created_at": utc(row.created_at),
    }


def present_images(registry: Any, images: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the documents of ``images`` in their order."""
    return [present_image(registry, media) for media in images]


def present_listing(registry: Any, row: Any, details: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the document of a listing with what its kind adds."""
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "price": present_money(row.price_minor, row.currency),
        "offer": _offer(row),
        "quantity": row.quantity,
        "product": {"id": row.product_id, "title": row.title, "cover": public_address(registry, row.cover)},
        "seller": {"id": row.seller_id, "username": row.username},
        "category_id": row.category_id,
        "rating": present_rating(row),
        "details": dict(details.get(row.id, {})),
        "created_at": utc(row.created_at),
    }


def plain_listings(registry: Any) -> Callable[[Any], msgspec.Raw]:
    """Return a function that encodes the document of a listing to which its kind adds nothing.

    A row that has not changed since it was last asked for is not encoded anew.
    """

    @lru_cache(maxsize=REMEMBERED)
    def encoded(row: Any) -> msgspec.Raw:
        return msgspec.Raw(dumps(present_listing(registry, row, {})))

    return encoded


def present_rating(row: Any) -> dict[str, Any]:
    """Return what buyers think of the product of ``row``."""
    average = present_stars(row.rating_hundredths) if row.ratings_count else None
    return {"average": average, "count": row.ratings_count}


def _offer(row: Any) -> dict[str, Any] | None:
    if row.offer_minor is None or row.offer_minor >= row.price_minor:
        return None
    return {"price": present_money(row.offer_minor, row.currency), "until": utc(row.offer_until)}


def ids_by_kind(rows: Sequence[Any]) -> dict[str, list[int]]:
    """Return the ids of listing ``rows`` by their kind."""
    grouped: dict[str, list[int]] = {}
    for row in rows:
        grouped.setdefault(row.kind, []).append(row.id)
    return grouped
