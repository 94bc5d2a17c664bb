"""Products, bids, checkouts and payments over HTTP."""

import hashlib
import hmac
import json
import time

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from rest_framework import generics, serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from shop.bidding import Refused, group_of, place_bid
from shop.buying import OutOfStock, check_out
from shop.models import Order, Payment, Product, WebhookEvent


class ProductSerializer(serializers.ModelSerializer):
    """A product as lists show it."""

    seller = serializers.CharField(source="seller.username")

    class Meta:
        model = Product
        fields = ["id", "title", "price", "currency", "stock", "seller", "seller_id", "category_id", "created_at"]


class ProductList(generics.ListAPIView):
    """Products, newest first; by category, price and words of the title."""

    serializer_class = ProductSerializer
    permission_classes = []
    authentication_classes = []

    def get_queryset(self):
        """Return what the query asks for, each with its seller."""
        found = Product.objects.filter(active=True).select_related("seller").order_by("-id")
        query = self.request.query_params
        if category := query.get("category"):
            found = found.filter(category_id=category)
        if "min_price" in query:
            found = found.filter(price__gte=query["min_price"])
        if "max_price" in query:
            found = found.filter(price__lte=query["max_price"])
        if words := query.get("q"):
            found = found.filter(title__icontains=words)
        return found


class BidSerializer(serializers.Serializer):
    """The body of a bid."""

    amount = serializers.DecimalField(max_digits=12, decimal_places=2, min_value=0)


class PlaceBid(APIView):
    """Bids on one auction."""

    permission_classes = [IsAuthenticated]

    def post(self, request, auction_id):
        """Place a bid and tell everybody once it is committed."""
        body = BidSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            event = place_bid(request.user.id, auction_id, body.validated_data["amount"])
        except Refused as refusal:
            return Response({"detail": str(refusal)}, status=status.HTTP_409_CONFLICT)
        send = async_to_sync(get_channel_layer().group_send)
        send(group_of(auction_id), {"type": "auction.bid", "data": event})
        return Response(event, status=status.HTTP_201_CREATED)


class Checkout(APIView):
    """Ordering what is in the cart."""

    permission_classes = [IsAuthenticated]

    def post(self, request):
        """Order the whole cart."""
        try:
            order = check_out(request.user.id, request.data.get("ship_to", {}))
        except OutOfStock as refusal:
            return Response({"detail": str(refusal)}, status=status.HTTP_409_CONFLICT)
        return Response(order, status=status.HTTP_201_CREATED)


def payment_hook(request):
    """Store a provider's report and apply it."""
    if not _signed(request.body, request.headers.get("Stripe-Signature", "")):
        return HttpResponse(status=401)
    event = json.loads(request.body)
    with transaction.atomic():
        _row, new = WebhookEvent.objects.get_or_create(event_id=event["id"], defaults={"payload": event})
        if new and event["type"] == "payment_intent.succeeded":
            _apply(event["data"]["object"]["id"])
    return JsonResponse({"received": True})


def _apply(reference):
    payment = Payment.objects.select_for_update().get(reference=reference)
    if payment.state == "pending":
        payment.state = "captured"
        payment.save(update_fields=["state"])
        Order.objects.filter(pk=payment.order_id, state="pending_payment").update(state="paid")


def _signed(body, header):
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    at, given = parts.get("t", ""), parts.get("v1", "")
    if not at.isdigit() or abs(time.time() - int(at)) > 300:
        return False
    expected = hmac.new(settings.WEBHOOK_SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, given)
