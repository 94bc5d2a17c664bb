"""What an address says of the place it lies in. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketcore.exceptions import Invalid

WRITTEN = ("city", "region", "country")
PLACE = ("city_id", *WRITTEN)


def check_place(given: Mapping[str, Any]) -> None:
    """Raise ``Invalid`` unless ``given`` names a known city or writes one out, and not both."""
    if "city_id" in given:
        faults = {name: "cannot be given together with city_id" for name in WRITTEN if given.get(name)}
    else:
        faults = {name: "is needed where no city_id is given" for name in ("city", "country") if not given.get(name)}
    if faults:
        raise Invalid(errors=faults)


def written_out(row: Any) -> dict[str, str]:
    """Return the address in ``row`` as checkouts take it: what goods are labelled with."""
    parts = ("name", "phone", "line1", "line2", "city", "region", "postal_code", "country")
    return {part: getattr(row, part) for part in parts}
