"""Reviews of products and feedback about orders, by those who received them alone."""

from __future__ import annotations

from typing import Any

from marketcore.events import OrderStateChanged
from marketcore.plugins import Plugin
from marketcore_reviews.feedback import FeedbackService
from marketcore_reviews.services import ReviewService
from marketcore_reviews.settings import ReviewSettings

plugin = Plugin("reviews", "Reviews of products, feedback about orders, ratings of both")
_TEMPLATES = "marketcore_reviews:templates"


def includeme(config: Any) -> None:
    """Say what this plugin adds."""
    config.add_settings_schema("reviews", ReviewSettings())
    config.add_migrations("reviews", "marketcore_reviews:migrations")
    config.declare_permission("reviews.review.write", "buyer", trade=True)
    config.declare_permission("reviews.feedback.read", "member")
    config.declare_permission("reviews.reply.write", "seller", trade=True)
    config.declare_permission("reviews.moderate", "admin")
    config.register_service_factory(".services.review_service", ReviewService)
    config.register_service_factory(".feedback.feedback_service", FeedbackService)
    config.add_notification_type(
        "reviews.feedback_request", title="Say how an order of yours was", templates=_TEMPLATES
    )
    config.add_notification_type(
        "reviews.received", title="Somebody has rated you or a product of yours", templates=_TEMPLATES,
        channels="in_app",
    )  # fmt: skip
    config.add_notification_type(
        "reviews.replied", title="A seller has answered you", templates=_TEMPLATES, channels="in_app"
    )
    config.add_event_subscriber(".subscribers.ask_later", OrderStateChanged)
    config.add_job(".jobs.request_feedback")
    config.include(".routes")
    config.scan(".views")
    config.scan(".feedback_views")
