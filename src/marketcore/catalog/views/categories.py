"""The tree of categories."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.view import view_config

from marketcore.catalog.presenting import present_category
from marketcore.catalog.schemas import CategoryChange, CategoryDocument, CategoryTree, NewCategory
from marketcore.catalog.services import CategoryService


@view_config(
    route_name="catalog.categories",
    request_method="GET",
    permission="public",
    openapi={"responses": {200: CategoryTree}},
)
def read_tree(request: Any) -> dict[str, Any]:
    """Read every category."""
    return {"items": [present_category(row) for row in request.find_service(CategoryService).tree()]}


@view_config(
    route_name="catalog.categories",
    request_method="POST",
    permission="catalog.category.write",
    openapi={"body": NewCategory, "responses": {201: CategoryDocument}},
)
def add_category(request: Any) -> dict[str, Any]:
    """Add a category."""
    categories = request.find_service(CategoryService)
    category_id = categories.add(**request.valid.body)
    request.response.status_int = 201
    return present_category(categories.read(category_id))


@view_config(
    route_name="catalog.category",
    request_method="PATCH",
    permission="catalog.category.write",
    openapi={"body": CategoryChange, "responses": {200: CategoryDocument}, "refusals": [409]},
)
def change_category(request: Any) -> dict[str, Any]:
    """Rename or move a category."""
    categories, category_id = request.find_service(CategoryService), request.valid.path["category_id"]
    categories.change(category_id, request.valid.body)
    return present_category(categories.read(category_id))


@view_config(
    route_name="catalog.category",
    request_method="DELETE",
    permission="catalog.category.write",
    openapi={"responses": {204: None}, "refusals": [409]},
)
def remove_category(request: Any) -> Any:
    """Delete an empty category."""
    request.find_service(CategoryService).remove(request.valid.path["category_id"])
    return HTTPNoContent()
