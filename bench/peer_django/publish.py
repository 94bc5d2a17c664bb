"""Sends events to the group of an auction: each line of standard input is how many to send now."""

import asyncio
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peer.settings")
django.setup()

from channels.layers import get_channel_layer  # noqa: E402 - after the settings are known
from shop.bidding import group_of  # noqa: E402


async def main(auction_id: int, filler: int) -> None:
    """Send as asked until the input ends."""
    layer, loop = get_channel_layer(), asyncio.get_running_loop()
    event = {"type": "auction.bid", "data": {"price": "7" * filler}}
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        for _ in range(int(line)):
            await layer.group_send(group_of(auction_id), event)


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
