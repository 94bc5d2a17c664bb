"""Tables of the peer, with the indexes its queries want."""

from django.contrib.auth.models import User
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper


class Category(models.Model):
    """A category of products."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=120, unique=True)


class Product(models.Model):
    """Something on sale at a fixed price."""

    seller = models.ForeignKey(User, on_delete=models.PROTECT, related_name="products")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3, default="KES")
    stock = models.PositiveIntegerField()
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["category", "price"]),
            models.Index(fields=["category", "-id"]),
            models.Index(models.F("id").desc(), condition=models.Q(active=True), name="product_active_newest"),
            # What icontains compiles to is UPPER(title) LIKE UPPER(...).
            GinIndex(OpClass(Upper("title"), name="gin_trgm_ops"), name="product_title_trigrams"),
        ]


class Auction(models.Model):
    """A product sold to whoever offers most."""

    product = models.OneToOneField(Product, on_delete=models.PROTECT)
    seller = models.ForeignKey(User, on_delete=models.PROTECT, related_name="auctions")
    price = models.DecimalField(max_digits=12, decimal_places=2)
    step = models.DecimalField(max_digits=12, decimal_places=2, default=1)
    bid_count = models.PositiveIntegerField(default=0)
    highest_bidder = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="leading")
    ends_at = models.DateTimeField()


class Bid(models.Model):
    """An accepted bid."""

    auction = models.ForeignKey(Auction, on_delete=models.CASCADE, related_name="bids")
    bidder = models.ForeignKey(User, on_delete=models.PROTECT)
    seq = models.PositiveIntegerField()
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["auction", "seq"], name="bid_seq_once")]


class CartItem(models.Model):
    """A line of somebody's cart."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="cart")
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "product"], name="cart_once")]


class Order(models.Model):
    """What one buyer ordered at once."""

    buyer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="orders")
    state = models.CharField(max_length=20, default="pending_payment")
    total = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    ship_to = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)


class OrderLine(models.Model):
    """A line of an order, at the price of the day."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    title = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    price = models.DecimalField(max_digits=12, decimal_places=2)


class Payment(models.Model):
    """An attempt to collect the money of an order."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE)
    reference = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=20, default="pending")
    amount = models.DecimalField(max_digits=14, decimal_places=2)


class WebhookEvent(models.Model):
    """A provider's call as it came; the same one comes more than once."""

    event_id = models.CharField(max_length=80, unique=True)
    payload = models.JSONField()
    received_at = models.DateTimeField(auto_now_add=True)
