"""Addresses of the peer."""

from django.urls import path
from shop import views

urlpatterns = [
    path("api/products", views.ProductList.as_view()),
    path("api/auctions/<int:auction_id>/bids", views.PlaceBid.as_view()),
    path("api/checkout", views.Checkout.as_view()),
    path("hooks/payments", views.payment_hook),
]
