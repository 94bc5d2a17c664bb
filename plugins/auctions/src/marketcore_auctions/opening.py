"""Writing a new auction: its terms, its standing, and the first entry of its log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text

from marketcore.web.json import dumps, utc
from marketcore_auctions.lots import GENESIS, lock_lots, save

_INSERT = text(
    """WITH terms AS (
         INSERT INTO auctions_auctions (listing_id, product_id, seller_id, title, currency, start_minor, reserve_minor,
             buy_now_minor, deposit_minor, increments, starts_at, ends_at, latest_end_at, soft_close, window_seconds,
             extension_seconds, if_unpaid, relists_left, relisted_from, conducted, hold_minutes)
         SELECT l.id, l.product_id, l.seller_id, p.title, l.currency, l.price_minor, :reserve_minor, :buy_now_minor,
                :deposit_minor, CAST(:increments AS jsonb), :starts_at, :ends_at, :latest_end_at, :soft_close,
                :window_seconds, :extension_seconds, :if_unpaid, :relists_left, :relisted_from, :conducted,
                :hold_minutes
         FROM listings l JOIN products p ON p.id = l.product_id WHERE l.id = :listing_id
         RETURNING listing_id, ends_at, start_minor)
       INSERT INTO auctions_standings (listing_id, ends_at, price_minor, head)
       SELECT listing_id, ends_at, start_minor, :head FROM terms"""
)
_NUMBERS = (
    "reserve_minor", "buy_now_minor", "deposit_minor", "soft_close", "window_seconds", "extension_seconds",
    "if_unpaid", "relists_left",
)  # fmt: skip
_RELIST = text(
    """INSERT INTO listings (product_id, seller_id, category_id, kind, currency, price_minor, quantity)
       SELECT p.id, p.seller_id, p.category_id, 'auction', CAST(:currency AS text), CAST(:start_minor AS bigint), 1
       FROM products p WHERE p.id = :product_id AND p.state = 'active'
       ON CONFLICT (product_id) WHERE state <> 'closed' DO NOTHING
       RETURNING id"""
)


def open_auction(session: Any, listing_id: int, terms: Mapping[str, Any], now: datetime) -> None:
    """Write the auction of a listing that has just been inserted; ``terms`` are the columns of ``Auction``."""
    row = {**terms, "listing_id": listing_id, "head": GENESIS, "increments": dumps(terms["increments"]).decode()}
    session.execute(_INSERT, {"relisted_from": None, "conducted": False, "hold_minutes": None, **row})
    lot = lock_lots(session, [listing_id])[listing_id]
    lot.note("opened", now, terms=told_terms(lot.row))
    save(session, [lot])


def open_again(session: Any, row: Any, now: datetime) -> int | None:
    """Put a lot up again on the terms of its auction's ``row``, beginning now; return the new auction's id.

    ``None`` where the product is archived or on sale in another way.
    """
    given = {"currency": row.currency, "start_minor": row.start_minor, "product_id": row.product_id}
    listing_id: int | None = session.execute(_RELIST, given).scalar_one_or_none()
    if listing_id is None:
        return None
    terms = {
        **{name: getattr(row, name) for name in _NUMBERS},
        "increments": row.increments,
        "starts_at": now,
        "ends_at": now + (row.planned_end_at - row.starts_at),
        "latest_end_at": now + (row.latest_end_at - row.starts_at),
        "relists_left": row.relists_left - 1,
        "relisted_from": row.listing_id,
    }
    open_auction(session, listing_id, terms, now)
    return listing_id


def told_terms(row: Any) -> dict[str, Any]:
    """Return the terms as the log tells them."""
    times = {name: utc(getattr(row, name)) for name in ("starts_at", "latest_end_at")}
    return {
        "currency": row.currency,
        "start": row.start_minor,
        "reserve": row.reserve_minor,
        "buy_now": row.buy_now_minor,
        "increments": row.increments,
        **times,
        "ends_at": utc(row.planned_end_at),
        "soft_close": row.soft_close,
        "window_seconds": row.window_seconds,
        "extension_seconds": row.extension_seconds,
        **({"conducted": True} if row.conducted else {}),
    }
