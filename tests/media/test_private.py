"""Files that only some may see: kept apart from public ones, re-encoded like them, a PDF as it came."""

from __future__ import annotations

import io
import pathlib
from typing import Any

import pytest
from PIL import Image

from marketcore.exceptions import Conflict, Invalid
from marketcore.jobs.running import run_waiting
from marketcore.media.models import MediaObject
from marketcore.media.private import present_private, private_response
from marketcore.media.services import MediaService
from marketcore.testing.market import Market
from marketcore.testing.shop import register

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def photo() -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    Image.linear_gradient("L").convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


def kept(request: Any, owner_id: int, data: bytes, **options: Any) -> int:
    media = request.find_service(MediaService)
    found: int = media.record(owner_id, media.keep(data, **options), private=True).id
    return found


def served(request: Any, media_id: int, variant: str = "large") -> Any:
    return private_response(request, request.db.get(MediaObject, media_id), variant)


def stored(market: Market) -> list[str]:
    folder = pathlib.Path(market.settings["marketcore.data_dir"]) / "media"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def owner(market: Market) -> int:
    found: int = register(market, "buyer")["user"]["id"]
    return found


def test_a_private_image_is_re_encoded_and_has_no_public_address(market: Market, owner: int) -> None:
    media_id = market.perform(kept, owner, photo())
    with market.work() as request, pytest.raises(Conflict, match="being checked"):
        served(request, media_id)
    run_waiting(market.registry)
    key = market.query("SELECT key FROM media_objects WHERE id = :id", id=media_id)[0].key
    assert stored(market) == [f"private/{key}/large.webp", f"private/{key}/thumb.webp"]
    assert market.client().get(f"/media/images/{key}/large.webp").status_code == 404
    response = market.perform(served, media_id)
    assert b"taken at home" not in response.body
    assert response.body[8:12] == b"WEBP"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert "no-store" in response.headers["Cache-Control"]


def test_a_pdf_is_taken_only_where_documents_are_and_served_as_it_came(market: Market, owner: int) -> None:
    with market.work() as request, pytest.raises(Invalid):
        kept(request, owner, PDF)
    media_id = market.perform(kept, owner, PDF, documents=True)
    response = market.perform(served, media_id, "thumb")
    assert (response.body, response.content_type) == (PDF, "application/pdf")
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_a_pdf_is_never_recorded_for_the_public(market: Market, owner: int) -> None:
    with market.work() as request:
        media = request.find_service(MediaService)
        upload = media.keep(PDF, documents=True)
        with pytest.raises(ValueError, match="private"):
            media.record(owner, upload)


@pytest.mark.parametrize("data", [b"%PDF-1.7 without an end", b"<html>%PDF-1.7 %%EOF", b"", b"GIF89a%PDF-1.4 %%EOF"])
def test_what_is_neither_image_nor_pdf_is_refused(market: Market, owner: int, data: bytes) -> None:
    with market.work() as request, pytest.raises(Invalid):
        kept(request, owner, data, documents=True)
    assert stored(market) == []


def test_a_document_names_its_addresses_once_it_is_ready(market: Market, owner: int) -> None:
    media_id = market.perform(kept, owner, photo())
    shown = market.perform(lambda request: present_private(request.db.get(MediaObject, media_id), "/x/1"))
    assert (shown["state"], shown["url"], shown["thumb"]) == ("processing", None, None)
    run_waiting(market.registry)
    shown = market.perform(lambda request: present_private(request.db.get(MediaObject, media_id), "/x/1"))
    assert (shown["state"], shown["url"], shown["thumb"]) == ("ready", "/x/1", "/x/1?variant=thumb")


def test_a_discarded_file_leaves_nothing_behind(market: Market, owner: int) -> None:
    ids = [market.perform(kept, owner, photo()), market.perform(kept, owner, PDF, documents=True)]
    run_waiting(market.registry)
    market.perform(lambda request: request.find_service(MediaService).discard(ids))
    assert stored(market) == []
