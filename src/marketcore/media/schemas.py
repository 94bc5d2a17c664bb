"""Images as documents."""

from __future__ import annotations

from marketcore.web.schema import Schema, choice, key, nullable, text, whole


class ImageDocument(Schema):
    """An image. Its addresses are there once it is ``ready``; width and height are those of ``large`` then."""

    id = key()
    state = choice("processing", "ready", "failed")
    large = nullable(text(500))
    thumb = nullable(text(500))
    width = whole(1, 10**9)
    height = whole(1, 10**9)


class PrivateFileDocument(Schema):
    """A file that only some may see. Its addresses are there once it is ``ready``; a PDF has no ``thumb``."""

    id = key()
    state = choice("processing", "ready", "failed")
    content_type = choice("image/webp", "application/pdf")
    url = nullable(text(500))
    thumb = nullable(text(500))
    size_bytes = whole(0, 10**9)
