"""Auctions over WebSockets."""

from decimal import Decimal

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from rest_framework_simplejwt.tokens import AccessToken

from shop.bidding import Refused, group_of, place_bid


class AuctionConsumer(AsyncJsonWebsocketConsumer):
    """Somebody watching one auction, who may bid."""

    async def connect(self):
        """Let anybody watch; a valid token makes a bidder."""
        query = self.scope["query_string"].decode()
        token = query.removeprefix("token=") if query.startswith("token=") else ""
        self.user_id = int(AccessToken(token)["user_id"]) if token else None
        self.auction_id = self.scope["url_route"]["kwargs"]["auction_id"]
        await self.channel_layer.group_add(group_of(self.auction_id), self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        """Leave the group."""
        await self.channel_layer.group_discard(group_of(self.auction_id), self.channel_name)

    async def receive_json(self, content):
        """Place a bid, answer, and tell everybody."""
        place = database_sync_to_async(place_bid)
        try:
            event = await place(self.user_id, self.auction_id, Decimal(content["amount"]))
        except Refused as refusal:
            await self.send_json({"op": "error", "id": content["id"], "detail": str(refusal)})
            return
        await self.send_json({"op": "reply", "id": content["id"], "data": event})
        await self.channel_layer.group_send(group_of(self.auction_id), {"type": "auction.bid", "data": event})

    async def auction_bid(self, message):
        """Pass a bid on."""
        await self.send_json({"op": "event", "type": "auction.bid", "data": message["data"]})
