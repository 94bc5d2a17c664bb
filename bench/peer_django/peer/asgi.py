"""Entry point of daphne."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peer.settings")
http = get_asgi_application()

from shop.consumers import AuctionConsumer  # noqa: E402 - after the applications are loaded

application = ProtocolTypeRouter(
    {"http": http, "websocket": URLRouter([path("ws/auction/<int:auction_id>", AuctionConsumer.as_asgi())])}
)
