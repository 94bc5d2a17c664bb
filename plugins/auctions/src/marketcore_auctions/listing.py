"""The listing kind ``auction``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from marketcore.db import clock
from marketcore.exceptions import Invalid
from marketcore.money import Money
from marketcore.settings import section
from marketcore_auctions.opening import open_auction
from marketcore_auctions.reading import AuctionReader
from marketcore_auctions.rules import check_increments, faults_of_terms
from marketcore_auctions.schemas import AuctionFields
from marketcore_auctions.settings import read_increments


class AuctionListing:
    """One piece, sold to whoever bids most."""

    name = "auction"
    in_cart = False
    fields = AuctionFields

    def publish(self, request: Any, listing_id: int, fields: Mapping[str, Any]) -> None:
        """Write the auction; ``Invalid`` says which of its terms make no sense."""
        now = clock.now(request.db)
        settings = section(request.registry, "auctions")
        _check_currencies(fields)
        if fields.get("deposit") and "wallet" not in request.registry["plugins"]:
            raise Invalid(errors={"auction.deposit": "needs the plugin 'wallet', which is not enabled here"})
        open_auction(request.db, listing_id, terms_from(fields, settings, now), now)

    def present(self, request: Any, listing_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
        """Return each auction's document."""
        documents: Mapping[int, Mapping[str, Any]] = request.find_service(AuctionReader).documents(listing_ids)
        return documents


def terms_from(fields: Mapping[str, Any], settings: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the columns of an auction from what its seller said and, for the rest, the settings.

    A plugin that sells by ``conducted`` auctions says so, with ``duration_seconds`` or no end at all, and with
    ``hold_minutes`` where the lot shall go into its winner's cart.
    """
    starts_at = max(fields.get("starts_at") or now, now)
    ends_at = _end(fields, starts_at)
    price, soft_close = fields["price"], fields.get("soft_close") or {}
    reserve, buy_now, deposit = (_minor(fields.get(name)) for name in ("reserve", "buy_now", "deposit"))
    longest = timedelta(minutes=settings["longest_minutes"])
    faults = faults_of_terms(price.minor, reserve, buy_now, starts_at, ends_at, longest)
    if faults:
        raise Invalid(errors={f"auction.{field}": why for field, why in faults.items()})
    policy = soft_close.get("policy") or settings["soft_close"]
    cap = soft_close.get("cap_seconds") or settings["soft_close_cap_seconds"]
    return {
        "reserve_minor": reserve,
        "buy_now_minor": buy_now,
        "deposit_minor": deposit,
        "increments": _increments(fields, settings, price.currency),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "latest_end_at": ends_at if policy == "none" or ends_at is None else ends_at + timedelta(seconds=cap),
        "soft_close": policy,
        "window_seconds": soft_close.get("window_seconds") or settings["soft_close_window_seconds"],
        "extension_seconds": soft_close.get("extend_seconds") or settings["soft_close_extension_seconds"],
        "if_unpaid": fields.get("if_unpaid") or settings["if_unpaid"],
        "relists_left": settings["relists"],
        "conducted": fields.get("conducted", False),
        "hold_minutes": fields.get("hold_minutes"),
    }


def _end(fields: Mapping[str, Any], starts_at: datetime) -> datetime | None:
    if fields.get("conducted") and not fields.get("duration_seconds"):
        return None
    duration = timedelta(minutes=fields.get("duration_minutes") or 0, seconds=fields.get("duration_seconds") or 0)
    end: datetime = fields.get("ends_at") or starts_at + duration
    return end


def _increments(fields: Mapping[str, Any], settings: Mapping[str, Any], currency: str) -> tuple[tuple[int, int], ...]:
    if not fields.get("increments"):
        return read_increments(settings.get("increments") or {}, currency)
    pairs = [(_minor(row.get("from")) or 0, row["step"].minor) for row in fields["increments"]]
    try:
        return check_increments(pairs)
    except ValueError as error:
        raise Invalid(errors={"auction.increments": str(error)}) from None


def _minor(money: Money | None) -> int | None:
    return None if money is None else money.minor


def _check_currencies(fields: Mapping[str, Any]) -> None:
    currency = fields["price"].currency
    given = {name: fields[name] for name in ("reserve", "buy_now", "deposit") if fields.get(name)}
    for place, row in enumerate(fields.get("increments") or ()):
        given |= {f"increments.{place}.{name}": row[name] for name in ("from", "step") if row.get(name)}
    faults = {f"auction.{name}.currency": f"must be {currency}" for name, m in given.items() if m.currency != currency}
    if faults:
        raise Invalid(errors=faults)
