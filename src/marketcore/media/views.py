"""Profile pictures, and the images themselves."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPNoContent
from pyramid.response import Response
from pyramid.view import view_config

from marketcore.exceptions import NotFound
from marketcore.media.presenting import present_image
from marketcore.media.rules import variant_path
from marketcore.media.schemas import ImageDocument
from marketcore.media.services import MediaService

IMMUTABLE = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


@view_config(
    route_name="media.picture",
    request_method="POST",
    permission="media.picture.write",
    renderer="json",
    rate_limit="upload",
    openapi={"upload": True, "responses": {201: ImageDocument}},
)
def set_picture(request: Any) -> dict[str, Any]:
    """Set your profile picture."""
    media = request.find_service(MediaService).set_picture(request.authenticated_userid, request.valid.upload)
    request.response.status_int = 201
    return present_image(request.registry, media)


@view_config(
    route_name="media.picture",
    request_method="GET",
    permission="member",
    renderer="json",
    openapi={"responses": {200: ImageDocument}},
)
def read_picture(request: Any) -> dict[str, Any]:
    """Read your profile picture."""
    media = request.find_service(MediaService).picture(request.authenticated_userid)
    if media is None:
        raise NotFound("you have no profile picture")
    return present_image(request.registry, media)


@view_config(
    route_name="media.picture",
    request_method="DELETE",
    permission="media.picture.write",
    openapi={"responses": {204: None}},
)
def remove_picture(request: Any) -> Any:
    """Remove your profile picture."""
    request.find_service(MediaService).remove_picture(request.authenticated_userid)
    return HTTPNoContent()


@view_config(route_name="media.variant", request_method="GET", permission="public")
def serve_variant(request: Any) -> Response:
    """Return a public variant; its name never holds anything else, so it may be kept for ever."""
    data = request.registry["media_store"].get(variant_path(**request.matchdict))
    if data is None:
        raise NotFound
    response = Response(data, content_type="image/webp", charset=None)
    response.headers.update(IMMUTABLE)
    return response
