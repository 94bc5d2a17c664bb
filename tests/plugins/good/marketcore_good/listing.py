"""Selling good things."""

import colander


class GoodKind:
    name = "good"
    in_cart = True
    fields = colander.MappingSchema()

    def publish(self, request, listing_id, fields):
        """A good listing has no rows of its own."""

    def present(self, request, listing_ids):
        return {listing_id: {} for listing_id in listing_ids}
