"""Reading and re-encoding images: the only module that knows Pillow.

Nothing is decoded before its header has been checked, and nothing that came in goes out: variants are new
encodings of the pixels alone, without metadata, comments or whatever else was in the file.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageOps

from marketcore.exceptions import Invalid

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
# A JPEG of several pictures, as some cameras make them, is called MPO by Pillow.
TYPES = {**{name: f"image/{name.lower()}" for name in FORMATS}, "MPO": "image/jpeg"}
QUALITY = 82
STRIP = 64
BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
# What Pillow raises for broken or hostile files; its decoders are not of one mind.
UNREADABLE = (
    *BOMB,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


class Unreadable(Exception):
    """The header was fine, the pixels are not."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an image's header says: its type and size in pixels."""

    content_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Variant:
    """A re-encoded image and its size in pixels."""

    data: bytes
    width: int
    height: int


def read_header(data: bytes, max_pixels: int) -> Header:
    """Return what the header of ``data`` says, decoding nothing.

    ``Invalid`` names the field ``file``: not one of the accepted formats by content, or over ``max_pixels``.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            header = Header(TYPES[image.format or ""], *image.size)
    except BOMB:
        raise _too_many(max_pixels) from None
    except UNREADABLE:
        raise Invalid(errors={"file": "is not a JPEG, PNG, WebP, GIF or AVIF image"}) from None
    if header.width * header.height > max_pixels:
        raise _too_many(max_pixels)
    return header


def _too_many(max_pixels: int) -> Invalid:
    return Invalid(errors={"file": f"has more than {max_pixels} pixels"}, reason="too-many-pixels")


def make_variants(data: bytes, sizes: Mapping[str, int]) -> dict[str, Variant]:
    """Return a WebP for each of ``sizes`` (largest side in pixels), upright and without metadata.

    Of an animation the first frame is taken. ``Unreadable`` when the pixels cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            picture = _reduced(image, max(sizes.values()))
    except UNREADABLE as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from None
    return {name: _encoded(picture, side) for name, side in sizes.items()}


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """Decode, and reduce to ``side`` pixels a side before anything else is done: memory is the limit here."""
    image.draft(None, (side, side))
    image.load()
    picture = _averaged(image, max(1, max(image.size) // side))
    picture.thumbnail((side, side))
    upright = ImageOps.exif_transpose(picture)
    return upright.convert("RGBA" if upright.has_transparency_data else "RGB")


def _averaged(image: Image.Image, factor: int) -> Image.Image:
    """Average squares of ``factor`` pixels, strip by strip, where Pillow would copy the whole picture for it."""
    strips = []
    for top in range(0, image.height, factor * STRIP):
        strip = image.crop((0, top, image.width, min(image.height, top + factor * STRIP)))
        strips.append(_eight_bit(strip).reduce(factor))
    picture = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for number, strip in enumerate(strips):
        picture.paste(strip, (0, number * STRIP))
    picture.info = image.info
    return picture


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("P", "PA") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("L") if image.mode == "1" else image


def _encoded(picture: Image.Image, side: int) -> Variant:
    scaled = picture.copy()
    scaled.thumbnail((side, side), reducing_gap=2.0)
    out = io.BytesIO()
    scaled.save(out, "WEBP", quality=QUALITY, method=4, exif=b"", icc_profile=b"", xmp=b"")
    return Variant(out.getvalue(), *scaled.size)
