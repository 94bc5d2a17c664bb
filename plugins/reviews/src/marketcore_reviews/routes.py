"""Addresses of opinions."""

from __future__ import annotations

from typing import Any

ID = "[0-9]{1,18}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("reviews.product", f"/api/v1/products/{{product_id:{ID}}}/reviews")
    config.add_route("reviews.product.rating", f"/api/v1/products/{{product_id:{ID}}}/rating")
    config.add_route("reviews.review", f"/api/v1/reviews/{{review_id:{ID}}}")
    config.add_route("reviews.review.reply", f"/api/v1/reviews/{{review_id:{ID}}}/reply")
    config.add_route("reviews.review.moderation", f"/api/v1/reviews/{{review_id:{ID}}}/moderation")
    config.add_route("reviews.order", f"/api/v1/orders/{{order_id:{ID}}}/feedback")
    config.add_route("reviews.seller", f"/api/v1/sellers/{{user_id:{ID}}}/feedback")
    config.add_route("reviews.seller.rating", f"/api/v1/sellers/{{user_id:{ID}}}/rating")
    config.add_route("reviews.platform.rating", "/api/v1/feedback/platform")
    config.add_route("reviews.feedback.reply", f"/api/v1/feedback/{{feedback_id:{ID}}}/reply")
    config.add_route("reviews.feedback.moderation", f"/api/v1/feedback/{{feedback_id:{ID}}}/moderation")
