"""The bid: one transaction around one locked auction, and the news for whoever watches."""

from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from shop.models import Auction, Bid


class Refused(Exception):
    """The bid cannot stand; the message says why."""


def place_bid(user_id: int, auction_id: int, amount: Decimal) -> dict:
    """Accept ``amount`` and return the event to tell; ``Refused`` if it is too low or too late."""
    with transaction.atomic():
        auction = Auction.objects.select_for_update().get(pk=auction_id)
        if auction.ends_at <= timezone.now():
            raise Refused("the auction has ended")
        if auction.seller_id == user_id:
            raise Refused("the auction is your own")
        if amount < auction.price + auction.step:
            raise Refused(f"the next bid is {auction.price + auction.step} or more")
        auction.price = amount
        auction.bid_count += 1
        auction.highest_bidder_id = user_id
        auction.save(update_fields=["price", "bid_count", "highest_bidder"])
        bid = Bid.objects.create(auction=auction, bidder_id=user_id, seq=auction.bid_count, amount=amount)
    return {
        "auction_id": auction_id,
        "seq": bid.seq,
        "bidder": user_id,
        "price": str(amount),
        "next_minimum": str(amount + auction.step),
        "at": bid.created_at.isoformat(),
    }


def group_of(auction_id: int) -> str:
    """Return the name of the group that watches an auction."""
    return f"auction_{auction_id}"
