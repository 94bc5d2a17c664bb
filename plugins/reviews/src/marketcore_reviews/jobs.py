"""Asking for feedback."""

from __future__ import annotations

from typing import Any

from marketcore_reviews.feedback import FeedbackService


def request_feedback(request: Any, order_id: int) -> None:
    """Ask the buyer of an order how it was."""
    request.find_service(FeedbackService).ask(order_id)
