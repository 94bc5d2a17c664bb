"""``storefront.*``: what the pages are called, and where their browsers find the live process."""

from __future__ import annotations

import colander


class StorefrontSettings(colander.MappingSchema):
    """How the pages present themselves."""

    name = colander.SchemaNode(
        colander.String(), missing="Marketcore", validator=colander.Length(1, 60), description="of the shop"
    )
    live_url = colander.SchemaNode(
        colander.String(),
        missing="",
        validator=colander.Regex(r"(wss?://[^\s/;,]+(/[^\s;,]*)?)?\Z", "must be a ws:// or wss:// address"),
        description="of the live process as browsers reach it, such as wss://shop.example/live/; "
        "empty: the host of marketcore.public_url with live.port",
    )
    page_size = colander.SchemaNode(
        colander.Integer(), missing=24, validator=colander.Range(1, 100), description="auctions on one page"
    )
