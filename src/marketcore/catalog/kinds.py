"""Ways of selling: the fixed price, what plugins add, and the one address through which all are published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import colander
from pyramid.config import PHASE3_CONFIG

from marketcore.catalog.schemas import FixedPriceFields, ListingDocument, NewListing
from marketcore.directives import table
from marketcore.interfaces import ListingKind


class FixedPrice:
    """Any number of pieces, each at the same price. Its listing row says everything."""

    name = "fixed_price"
    in_cart = True
    fields = FixedPriceFields

    def publish(self, request: Any, listing_id: int, fields: Mapping[str, Any]) -> None:
        """Write nothing more: price and quantity are the listing's own."""

    def present(self, request: Any, listing_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
        """Add nothing to the documents."""
        return {}


class ListingKinds:
    """The registered kinds, each called with the request it is asked in.

    A kind's ``fields`` have a ``price`` (the price to begin with) and may have a ``quantity`` (otherwise one piece
    is sold); both are written into the listing before ``publish`` is called.
    """

    def __init__(self, request: Any, kinds: Mapping[str, ListingKind]) -> None:
        self._request = request
        self._kinds = kinds

    def seller_steers(self, name: str) -> bool:
        """Whether sellers change price, quantity and state of such listings directly."""
        return name in self._kinds and self._kinds[name].in_cart

    def publish(self, name: str, listing_id: int, fields: Mapping[str, Any]) -> None:
        """Let the kind write its own rows."""
        self._kinds[name].publish(self._request, listing_id, fields)

    def present(self, ids_by_kind: Mapping[str, Sequence[int]]) -> dict[int, Mapping[str, Any]]:
        """Return what each kind adds to the documents of its listings; a kind no longer enabled adds nothing."""
        details: dict[int, Mapping[str, Any]] = {}
        for name, ids in ids_by_kind.items():
            if name in self._kinds:
                details.update(self._kinds[name].present(self._request, ids))
        return details


def listing_kinds(request: Any) -> ListingKinds:
    """Return the registered kinds for ``request``."""
    return ListingKinds(request, request.registry["catalog.listing_kinds"])


def complete_body(body: NewListing, kinds: Iterable[ListingKind]) -> None:
    """Give ``body`` one optional object per kind, named after it and made of its fields."""
    for kind in kinds:
        node = kind.fields() if isinstance(kind.fields, type) else kind.fields.clone()
        node.name, node.missing = kind.name, colander.drop
        body.add(node)


def _register(config: Any, body: NewListing) -> None:
    declared = table(config.registry, "listing kinds")
    kinds = {name: kind() if isinstance(kind, type) else kind for name, kind in sorted(declared.items())}
    config.registry["catalog.listing_kinds"] = kinds
    complete_body(body, kinds.values())


def includeme(config: Any) -> None:
    """Add the fixed price and the address for publishing, whose body is known once every plugin has spoken."""
    body = NewListing()
    config.add_listing_kind(FixedPrice.name, FixedPrice())
    config.add_view(
        ".views.listings.publish_listing",
        route_name="catalog.listings",
        request_method="POST",
        permission="catalog.listing.write",
        openapi={"body": body, "responses": {201: ListingDocument}, "refusals": [409]},
    )
    config.action(("catalog", "listing kinds"), _register, args=(config, body), order=PHASE3_CONFIG + 100)
