"""Deferred work of the media room."""

from __future__ import annotations

from typing import Any

from marketcore.events import MediaProcessed
from marketcore.media.services import VariantService


def make_variants(request: Any, media_id: int) -> None:
    """Turn the upload of ``media_id`` into its variants, and tell what became of it."""
    if state := request.find_service(VariantService).make(media_id):
        request.emit(MediaProcessed(media_id, state))


def sweep_orphans(request: Any) -> None:
    """Delete files that no row needs."""
    request.find_service(VariantService).sweep()
