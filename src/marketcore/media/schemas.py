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
