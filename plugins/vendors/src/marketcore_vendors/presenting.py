"""Rows of vendors as documents."""

from __future__ import annotations

from typing import Any

from marketcore.media.presenting import present_image
from marketcore.media.private import present_private
from marketcore.money import Money
from marketcore.web.json import present_money, utc
from marketcore_vendors.sales import FIGURES, MONEY

_ADDRESS = ("line1", "line2", "city", "region", "postal_code", "country")


def present_vendor(registry: Any, row: Any) -> dict[str, Any]:
    """Return a profile as its owner and admins see it; ``row`` is one of ``VendorService.read``."""
    profile = row.VendorProfile
    return {
        **_shown(registry, row),
        "business_name": profile.business_name,
        "address": {name: profile.address.get(name, "") for name in _ADDRESS},
        "verified_at": utc(profile.verified_at),
        "updated_at": utc(profile.updated_at),
    }


def present_seller(registry: Any, row: Any) -> dict[str, Any]:
    """Return a profile as everybody sees it."""
    address = row.VendorProfile.address
    return {**_shown(registry, row), **{name: address.get(name, "") for name in ("city", "country")}}


def _shown(registry: Any, row: Any) -> dict[str, Any]:
    profile, picture = row.VendorProfile, row.MediaObject
    return {
        "id": profile.user_id,
        "username": row.username,
        "brand_name": profile.brand_name,
        "biography": profile.biography,
        "picture": present_image(registry, picture) if picture else None,
        "verified": profile.verified_at is not None,
        "rating": _present_rating(row.VendorRating),
        "created_at": utc(profile.created_at),
    }


def _present_rating(rating: Any) -> dict[str, Any] | None:
    if rating is None or not rating.count:
        return None
    stars, hundredths = divmod(rating.average, 100)
    return {"average": f"{stars}.{hundredths:02}", "count": rating.count}


def present_paper(request: Any, paper: Any, media: Any) -> dict[str, Any]:
    """Return a paper with its file, which only its owner and admins can load."""
    return {
        "id": paper.id,
        "user_id": paper.user_id,
        "kind": paper.kind,
        "state": paper.state,
        "reason": paper.reason,
        "expires_on": paper.expires_on.isoformat() if paper.expires_on else None,
        "file": present_private(media, request.route_path("vendors.document.file", document_id=paper.id)),
        "decided_at": utc(paper.decided_at),
        "created_at": utc(paper.created_at),
    }


def present_figures(figures: Any, currency: str) -> dict[str, Any]:
    """Return ``FIGURES``, a mapping, with amounts of money."""
    return {
        name: present_money(int(figures[name]), currency) if name in MONEY else int(figures[name]) for name in FIGURES
    }


def figures_as_row(figures: Any, currency: str) -> list[str | int]:
    """Return ``FIGURES`` as the cells of a table."""
    return [Money(int(figures[name]), currency).amount if name in MONEY else int(figures[name]) for name in FIGURES]
