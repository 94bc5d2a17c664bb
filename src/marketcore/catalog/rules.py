"""Names in addresses, whose listings the seller steers, the order of images. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from marketcore.exceptions import Conflict, Invalid

# One line of an order, price times quantity, always fits into 64 bits.
MAX_PRICE_MINOR = 10**13
MAX_QUANTITY = 100_000
_SLUG_LENGTH = 100
_NOT_IN_SLUG = re.compile(r"[^a-z0-9]+")


def derive_slug(name: str, taken: Collection[str]) -> str:
    """Return the name of a category in addresses: ASCII, never a number alone, none of ``taken``."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = _NOT_IN_SLUG.sub("-", ascii_name).strip("-")[:_SLUG_LENGTH].rstrip("-")
    if not base or base.isdigit():
        base = f"category-{base}".rstrip("-")
    slug, number = base, 1
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def check_parent(category_id: int, ancestors: Collection[int]) -> None:
    """Raise ``Conflict`` if ``category_id`` is among the ``ancestors`` it would get (its new parent included)."""
    if category_id in ancestors:
        raise Conflict("a category cannot be moved below itself")


def check_steered(kind: str, seller_steers: bool) -> None:
    """Raise ``Conflict`` if listings of ``kind`` follow rules of their own."""
    if not seller_steers:
        raise Conflict(f"a listing of the kind {kind!r} is changed and closed through its own addresses", kind=kind)


def parse_rating(stars: str) -> int:
    """Return hundredths of a star for ``stars`` such as ``4`` or ``4.5``."""
    whole, _point, part = stars.partition(".")
    return 100 * int(whole) + int(part.ljust(2, "0"))


def present_stars(hundredths: int) -> str:
    """Return an average such as ``4.50``."""
    return f"{hundredths // 100}.{hundredths % 100:02}"


def check_order(given: Sequence[int], present: Collection[int]) -> None:
    """Raise ``Invalid`` unless ``given`` names each of ``present`` once."""
    if len(given) != len(present) or set(given) != set(present):
        raise Invalid(errors={"order": f"must name each of the images {sorted(present)} once"})
