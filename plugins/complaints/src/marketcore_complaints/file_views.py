"""Files of complaints over HTTP."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from marketcore.media.private import present_private, private_response
from marketcore.media.schemas import PrivateFileDocument
from marketcore_complaints import schemas
from marketcore_complaints.files import ComplaintFiles
from marketcore_complaints.views import OWN, file_address


@view_config(
    route_name="complaints.files",
    request_method="POST",
    permission=OWN,
    rate_limit="upload",
    openapi={"upload": True, "responses": {201: PrivateFileDocument}, "refusals": [409]},
)
def add_file(request: Any) -> dict[str, Any]:
    """Put an image or a PDF before those who take part in a complaint."""
    complaint_id = request.valid.path["complaint_id"]
    media = request.find_service(ComplaintFiles).add(complaint_id, request.identity, request.valid.upload)
    request.response.status_int = 201
    return present_private(media, file_address(request, complaint_id, media.id))


@view_config(
    route_name="complaints.file",
    request_method="GET",
    permission=OWN,
    openapi={
        "query": schemas.FileQuery,
        "responses": {200: "application/octet-stream"},
        "refusals": [409],
    },
)
def read_file(request: Any) -> Any:
    """Download a file of a complaint that you take part in."""
    path = request.valid.path
    media = request.find_service(ComplaintFiles).read(path["complaint_id"], path["media_id"], request.identity)
    return private_response(request, media, request.valid.query["variant"])
