"""Image rows as documents."""

from __future__ import annotations

from typing import Any

from marketcore.settings import section


def public_address(registry: Any, path: str | None) -> str | None:
    """Return the address under which the variant at ``path`` of the store is served."""
    return f"{section(registry, 'media')['public_url'].rstrip('/')}/{path}" if path else None


def present_image(registry: Any, media: Any) -> dict[str, Any]:
    """Return the document of ``media``, a row with the columns of ``MediaObject``."""
    return {
        "id": media.id,
        "state": media.state,
        "large": public_address(registry, media.variants.get("large")),
        "thumb": public_address(registry, media.variants.get("thumb")),
        "width": media.width,
        "height": media.height,
    }
