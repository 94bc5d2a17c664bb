"""Files that only some may see: how a noun shows and serves them once it has decided who may."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response

from marketcore.exceptions import Conflict, NotFound
from marketcore.media.rules import PDF

# Never shown inside a page of ours, never run, never kept by what lies between.
_GUARDED = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def present_private(media: Any, address: str) -> dict[str, Any]:
    """Return the document of ``media`` (see ``PrivateFileDocument``), served by the noun's view at ``address``."""
    ready = media.state == "ready"
    pdf = media.content_type == PDF
    return {
        "id": media.id,
        "state": media.state,
        "content_type": PDF if pdf else "image/webp",
        "url": address if ready else None,
        "thumb": f"{address}?variant=thumb" if ready and not pdf else None,
        "size_bytes": media.size_bytes,
    }


def private_response(request: Any, media: Any, variant: str = "large") -> Response:
    """Return the file ``media`` as an attachment; call it for nobody who may not see it.

    ``variant`` is ``large`` or ``thumb`` and means nothing for a PDF. ``Conflict`` while an image is being re-encoded
    and where it could not be, ``NotFound`` where the store has lost it.
    """
    if media.state != "ready":
        why = "is being checked: ask again in a moment" if media.state == "processing" else "could not be read"
        raise Conflict(f"the file {why}", reason=f"file-{media.state}")
    pdf = media.content_type == PDF
    data = request.registry["media_store"].get(media.variants["document" if pdf else variant])
    if data is None:
        raise NotFound("the file is gone from the store")
    response = Response(data, content_type=PDF if pdf else "image/webp", charset=None)
    response.headers.update(_GUARDED)
    response.content_disposition = f'attachment; filename="{media.id}.{"pdf" if pdf else "webp"}"'
    return response
