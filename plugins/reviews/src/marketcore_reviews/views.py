"""Reviews over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore import audit
from marketcore.web.pagination import decode_cursor, page
from marketcore.web.schema import MAX_KEY
from marketcore_reviews import reading, schemas
from marketcore_reviews.services import ReviewService


def _document(request: Any, review_id: int) -> dict[str, Any]:
    return reading.present_review(reading.read_review(request.db, review_id, request.identity))


@view_config(
    route_name="reviews.product",
    request_method="POST",
    permission="reviews.review.write",
    openapi={"body": schemas.NewReview, "responses": {201: schemas.ReviewDocument}, "refusals": [409]},
)
def write_review(request: Any) -> dict[str, Any]:
    """Review a product that you have received; once."""
    service, product_id = request.find_service(ReviewService), request.valid.path["product_id"]
    review_id = service.write(product_id, request.authenticated_userid, request.valid.body)
    request.response.status_int = 201
    return _document(request, review_id)


@view_config(
    route_name="reviews.product",
    request_method="GET",
    permission="public",
    openapi={"query": schemas.ReviewsQuery, "responses": {200: schemas.ReviewPage}},
)
def list_reviews(request: Any) -> dict[str, Any]:
    """Show the reviews of a product, newest first."""
    query, product_id = request.valid.query, request.valid.path["product_id"]
    reading.check_product(request.db, product_id)
    scope = f"reviews {product_id} {query['rating']}"
    position = decode_cursor(request.registry, scope, query["cursor"], [int])
    before = position[0] if position else MAX_KEY
    limit = query["limit"] + 1
    rows = reading.page_of_reviews(
        request.db, product_id, request.identity, rating=query["rating"], before=before, limit=limit
    )
    return page(
        request, scope, rows, limit=query["limit"], position=lambda row: [row.id], present=reading.present_review
    )


@view_config(
    route_name="reviews.product.rating",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: schemas.ProductRatingDocument}},
)
def read_product_rating(request: Any) -> dict[str, Any]:
    """Show what a product is rated, and how many have given how many stars."""
    return reading.product_rating(request.db, request.valid.path["product_id"])


@view_config(
    route_name="reviews.review",
    request_method="PATCH",
    permission="reviews.review.write",
    openapi={"body": schemas.ReviewChange, "responses": {200: schemas.ReviewDocument}, "refusals": [409]},
)
def change_review(request: Any) -> dict[str, Any]:
    """Change a review of yours, within the days there are for that."""
    review_id = request.valid.path["review_id"]
    request.find_service(ReviewService).change(review_id, request.authenticated_userid, request.valid.body)
    return _document(request, review_id)


@view_config(
    route_name="reviews.review.reply",
    request_method="PUT",
    permission="reviews.reply.write",
    openapi={"body": schemas.Reply, "responses": {200: schemas.ReviewDocument}},
)
def reply_to_review(request: Any) -> dict[str, Any]:
    """Answer a review of a product of yours."""
    review_id = request.valid.path["review_id"]
    request.find_service(ReviewService).reply(review_id, request.authenticated_userid, request.valid.body["reply"])
    return _document(request, review_id)


@view_config(
    route_name="reviews.review.moderation",
    request_method="PUT",
    permission="reviews.moderate",
    openapi={"body": schemas.Moderation, "responses": {200: schemas.ReviewDocument}},
)
def moderate_review(request: Any) -> dict[str, Any]:
    """Hide a review, or show it again."""
    review_id = request.valid.path["review_id"]
    request.find_service(ReviewService).moderate(review_id, audit.actor_of(request.identity), **request.valid.body)
    return _document(request, review_id)
