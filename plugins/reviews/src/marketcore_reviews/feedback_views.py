"""Feedback about orders over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore import audit
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY, PageQuery
from marketcore_reviews import reading, schemas
from marketcore_reviews.feedback import FeedbackService


def _document(request: Any, feedback_id: int) -> dict[str, Any]:
    return reading.present_feedback(reading.read_feedback(request.db, feedback_id, request.identity))


@view_config(
    route_name="reviews.order",
    request_method="POST",
    permission="reviews.review.write",
    openapi={"body": schemas.NewFeedback, "responses": {201: schemas.FeedbackDocument}, "refusals": [409]},
)
def give_feedback(request: Any) -> dict[str, Any]:
    """Say how an order of yours was; once."""
    service, order_id = request.find_service(FeedbackService), request.valid.path["order_id"]
    feedback_id = service.give(order_id, request.authenticated_userid, request.valid.body)
    request.response.status_int = 201
    return _document(request, feedback_id)


@view_config(
    route_name="reviews.order",
    request_method="GET",
    permission="reviews.feedback.read",
    openapi={"responses": {200: schemas.FeedbackDocument}},
)
def read_order_feedback(request: Any) -> dict[str, Any]:
    """Show the feedback about an order to its parties and to admins."""
    row = reading.feedback_of_order(request.db, request.valid.path["order_id"], request.identity)
    return reading.present_feedback(row)


@view_config(
    route_name="reviews.seller",
    request_method="GET",
    permission="public",
    openapi={"query": PageQuery, "responses": {200: schemas.FeedbackPage}},
)
def list_feedback(request: Any) -> dict[str, Any]:
    """Show what buyers say of a seller, newest first."""
    query, seller_id = request.valid.query, request.valid.path["user_id"]
    scope = f"feedback {seller_id}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    before = position[0] if position else MAX_KEY
    rows = reading.page_of_feedback(request.db, seller_id, request.identity, before=before, limit=query["limit"] + 1)
    return page(
        request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=reading.present_feedback
    )


@view_config(
    route_name="reviews.seller.rating",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.SellerRatingDocument}},
)
def read_seller_rating(request: Any) -> dict[str, Any]:
    """Show what buyers think of a seller, in figures."""
    return reading.seller_rating(request.db, request.valid.path["user_id"])


@view_config(
    route_name="reviews.platform.rating",
    request_method="GET",
    permission="reviews.moderate",
    openapi={"responses": {200: schemas.PlatformRatingDocument}},
)
def read_platform_rating(request: Any) -> dict[str, Any]:
    """Show what buyers think of the marketplace itself."""
    return reading.platform_rating(request.db)


@view_config(
    route_name="reviews.feedback.reply",
    request_method="PUT",
    permission="reviews.reply.write",
    openapi={"body": schemas.Reply, "responses": {200: schemas.FeedbackDocument}},
)
def reply_to_feedback(request: Any) -> dict[str, Any]:
    """Answer feedback about you."""
    feedback_id, reply = request.valid.path["feedback_id"], request.valid.body["reply"]
    request.find_service(FeedbackService).reply(feedback_id, request.authenticated_userid, reply)
    return _document(request, feedback_id)


@view_config(
    route_name="reviews.feedback.moderation",
    request_method="PUT",
    permission="reviews.moderate",
    openapi={"body": schemas.Moderation, "responses": {200: schemas.FeedbackDocument}},
)
def moderate_feedback(request: Any) -> dict[str, Any]:
    """Hide feedback, or show it again."""
    service, feedback_id = request.find_service(FeedbackService), request.valid.path["feedback_id"]
    service.moderate(feedback_id, audit.actor_of(request.identity), **request.valid.body)
    return _document(request, feedback_id)
