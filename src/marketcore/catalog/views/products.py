"""Products and their images."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.catalog.images import ImageService
from marketcore.catalog.presenting import present_images, present_product
from marketcore.catalog.schemas import (
    ImageList,
    ImageOrder,
    NewProduct,
    ProductChange,
    ProductDocument,
    ProductPage,
    ProductQuery,
)
from marketcore.catalog.search import Catalog
from marketcore.catalog.services import ProductService
from marketcore.media.presenting import present_image
from marketcore.media.schemas import ImageDocument
from marketcore.web.pagination import decode_cursor, page


@view_config(
    route_name="catalog.products",
    request_method="GET",
    permission="public",
    openapi={"query": ProductQuery, "responses": {200: ProductPage}},
)
def list_products(request: Any) -> dict[str, Any]:
    """List products, newest first."""
    query, scope = request.valid.query, "catalog.products"
    after = decode_cursor(request.registry, scope, query["cursor"], [int])
    rows = request.find_service(Catalog).products(query["seller_id"], query["category"], after, query["limit"] + 1)
    images = request.find_service(ImageService).of(row.id for row in rows)
    return page(
        request,
        scope,
        rows,
        limit=query["limit"],
        position=lambda row: [row.id],
        present=lambda row: present_product(request.registry, row, images[row.id]),
    )


@view_config(
    route_name="catalog.products",
    request_method="POST",
    permission="catalog.product.write",
    openapi={"body": NewProduct, "responses": {201: ProductDocument}},
)
def add_product(request: Any) -> dict[str, Any]:
    """Add a product."""
    product_id = request.find_service(ProductService).add(request.authenticated_userid, **request.valid.body)
    request.response.status_int = 201
    return _document(request, product_id)


@view_config(
    route_name="catalog.product",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: ProductDocument}},
)
def read_product(request: Any) -> dict[str, Any]:
    """Read a product."""
    return _document(request, request.valid.path["product_id"])


@view_config(
    route_name="catalog.product",
    request_method="PATCH",
    permission="catalog.product.write",
    openapi={"body": ProductChange, "responses": {200: ProductDocument}, "refusals": [409]},
)
def change_product(request: Any) -> dict[str, Any]:
    """Change one of your products."""
    product_id = request.valid.path["product_id"]
    request.find_service(ProductService).change(request.authenticated_userid, product_id, request.valid.body)
    return _document(request, product_id)


@view_config(
    route_name="catalog.product",
    request_method="DELETE",
    permission="catalog.product.write",
    openapi={"responses": {204: None}, "refusals": [409]},
)
def archive_product(request: Any) -> Any:
    """Archive one of your products and close its listing."""
    request.find_service(ProductService).archive(request.authenticated_userid, request.valid.path["product_id"])
    return HTTPNoContent()


@view_config(
    route_name="catalog.product.images",
    request_method="POST",
    permission="catalog.product.write",
    rate_limit="upload",
    openapi={"upload": True, "responses": {201: ImageDocument}, "refusals": [409]},
)
def add_image(request: Any) -> dict[str, Any]:
    """Add an image to one of your products; it is processed within moments."""
    images = request.find_service(ImageService)
    media = images.upload(request.valid.path["product_id"], request.authenticated_userid, request.valid.upload)
    request.response.status_int = 201
    return present_image(request.registry, media)


@view_config(
    route_name="catalog.product.images",
    request_method="PUT",
    permission="catalog.product.write",
    openapi={"body": ImageOrder, "responses": {200: ImageList}, "refusals": [409]},
)
def arrange_images(request: Any) -> dict[str, Any]:
    """Put the images of one of your products into order."""
    images = request.find_service(ImageService)
    product_id, order = request.valid.path["product_id"], request.valid.body["order"]
    return {"items": present_images(request.registry, images.arrange(product_id, request.authenticated_userid, order))}


@view_config(
    route_name="catalog.product.image",
    request_method="DELETE",
    permission="catalog.product.write",
    openapi={"responses": {204: None}, "refusals": [409]},
)
def remove_image(request: Any) -> Any:
    """Remove an image of one of your products."""
    request.find_service(ImageService).remove(seller_id=request.authenticated_userid, **request.valid.path)
    return HTTPNoContent()


def _document(request: Any, product_id: int) -> dict[str, Any]:
    row = request.find_service(Catalog).product(product_id)
    images = request.find_service(ImageService).of([product_id])[product_id]
    return {**present_product(request.registry, row, images), "description": row.description}
