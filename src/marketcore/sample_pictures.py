"""Pictures for the sample's auctions: turned, thrown and woven things, drawn from their outlines."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

Colour = tuple[int, int, int]
SIZE = (1280, 960)
# Where things stand, and how high they may be.
FLOOR, HEIGHT, MIDDLE = 780, 600, 640
# Pixels to a hundredth of width, and how much flatter than round an opening looks from where one stands.
WIDE, FLAT = 6.2, 8
SHOWN = (120, 130, 1160, 910)


@dataclass(frozen=True)
class Still:
    """One thing that is as round as it was turned.

    ``outline`` is (height, half width) from the rim to the foot, both in hundredths of the picture's room; ``bands``
    are (from, to) of the darker stripes, measured like heights.
    """

    outline: Sequence[tuple[int, int]]
    colour: Colour
    band: Colour
    bands: Sequence[tuple[int, int]] = ()
    wall: Colour = (226, 214, 194)


def draw(still: Still) -> bytes:
    """Return ``still`` on a table in soft light, as a PNG."""
    picture = _room(still.wall)
    body, painted, light = _turned(still)
    shadow = Image.new("L", SIZE, 0)
    foot = round(still.outline[-1][1] * WIDE)
    ImageDraw.Draw(shadow).ellipse((MIDDLE - foot - 60, FLOOR - 40, MIDDLE + foot + 190, FLOOR + 75), fill=120)
    picture.paste((30, 22, 14), mask=shadow.filter(ImageFilter.GaussianBlur(26)))
    lit = ImageChops.multiply(painted, Image.merge("RGB", (light,) * 3))
    picture.paste(lit, mask=body.filter(ImageFilter.GaussianBlur(1)))
    _rim(picture, still)
    out = io.BytesIO()
    picture.crop(SHOWN).resize((960, 720), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def _room(wall: Colour) -> Image.Image:
    dim = Image.radial_gradient("L").resize((SIZE[0] * 2, SIZE[1] * 2)).crop((480, 300, 480 + SIZE[0], 300 + SIZE[1]))
    room = ImageOps.colorize(dim, black=tuple(min(255, c + 22) for c in wall), white=tuple(c * 5 // 8 for c in wall))
    table = Image.linear_gradient("L").resize((SIZE[0], SIZE[1] - 660))
    room.paste(ImageOps.colorize(table, black=(150, 112, 78), white=(104, 73, 47)), (0, 660))
    return room


def _turned(still: Still) -> tuple[Image.Image, Image.Image, Image.Image]:
    """Return where the thing is, its colours, and how the light falls on it: round slice upon round slice."""
    body, painted, light = Image.new("L", SIZE, 0), Image.new("RGB", SIZE, still.colour), Image.new("L", SIZE, 70)
    covering, colouring, across = ImageDraw.Draw(body), ImageDraw.Draw(painted), _light_across()
    for y, half in reversed(list(_rows(still.outline))):
        slice_of_it = _slice(y, half)
        covering.ellipse(slice_of_it, fill=255)
        colouring.ellipse(slice_of_it, fill=_colour_at(still, y))
        light.paste(across.resize((2 * half, half // FLAT + 1)), (MIDDLE - half, y))
    return body, painted, light


def _slice(y: int, half: int) -> tuple[int, int, int, int]:
    return (MIDDLE - half, y - half // FLAT, MIDDLE + half, y + half // FLAT)


def _colour_at(still: Still, y: int) -> Colour:
    return still.band if any(_y(top) <= y < _y(bottom) for top, bottom in still.bands) else still.colour


def _light_across() -> Image.Image:
    """Return one row of light on something round, brightest on the left of its middle."""
    values = [max(70, 255 - abs(x - 92) * (abs(x - 92) + 40) // 150) for x in range(256)]
    row = Image.new("L", (256, 1))
    row.putdata(values)
    return row


def _rows(outline: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for (top, wide), (bottom, wider) in pairwise(outline):
        for y in range(_y(top), _y(bottom)):
            part = (y - _y(top)) / (_y(bottom) - _y(top))
            eased = part * part * (3 - 2 * part)
            yield y, max(2, round((wide + (wider - wide) * eased) * WIDE))


def _rim(picture: Image.Image, still: Still) -> None:
    """Draw the opening, so that one looks slightly into it."""
    height, half = still.outline[0]
    dark = tuple(c // 3 for c in still.colour)
    edge = tuple(min(255, c * 5 // 4) for c in still.colour)
    ImageDraw.Draw(picture).ellipse(_slice(_y(height), round(half * WIDE)), fill=dark, outline=edge, width=5)


def _y(height: int) -> int:
    return FLOOR - height * HEIGHT // 100


STILLS = {
    "Ngoma drum from Kisumu": Still(
        ((78, 38), (74, 40), (60, 34), (40, 25), (22, 22), (10, 27), (0, 30)),
        (150, 84, 44),
        (72, 38, 22),
        ((74, 69), (44, 42), (40, 38), (12, 8)),
        wall=(216, 205, 186),
    ),
    "Kiondo basket, indigo bands": Still(
        ((66, 44), (50, 43), (25, 38), (8, 30), (0, 27)),
        (214, 178, 120),
        (44, 52, 110),
        ((58, 53), (50, 48), (38, 30), (27, 25), (14, 10)),
        wall=(203, 214, 212),
    ),
    "Burnished clay pot": Still(
        ((84, 16), (80, 15), (72, 13), (62, 24), (40, 45), (24, 42), (8, 24), (0, 20)),
        (168, 82, 52),
        (98, 42, 28),
        ((56, 54), (52, 46), (44, 42)),
        wall=(231, 220, 200),
    ),
    "Calabash milk gourd": Still(
        ((94, 9), (88, 10), (76, 9), (66, 14), (54, 13), (40, 26), (20, 33), (6, 22), (0, 14)),
        (190, 132, 62),
        (96, 56, 26),
        ((90, 86), (60, 57), (30, 26), (24, 22)),
        wall=(210, 212, 196),
    ),
    "Soapstone bowl from Tabaka": Still(
        ((44, 50), (38, 50), (22, 42), (8, 22), (0, 20)),
        (224, 178, 166),
        (188, 126, 116),
        ((40, 37), (30, 28)),
        wall=(190, 200, 206),
    ),
    "Brass coffee pot": Still(
        ((92, 8), (88, 12), (82, 9), (74, 15), (62, 14), (46, 28), (22, 34), (8, 26), (0, 30)),
        (206, 160, 66),
        (150, 104, 34),
        ((74, 71), (48, 46), (20, 17), (10, 7)),
        wall=(197, 183, 172),
    ),
}
