"""``livestream.*``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import colander

from marketcore.money import Money

_HEX = colander.Regex(r"([0-9a-fA-F]{32})?\Z", "must be 32 hexadecimal digits")


def _whole(missing: int, low: int, high: int, description: str) -> Any:
    return colander.SchemaNode(
        colander.Integer(), missing=missing, validator=colander.Range(low, high), description=description
    )


class CreditPrices(colander.MappingSchema):
    """``livestream.credit_price.KES = 50``: what a credit costs, by currency; without any, none are sold."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "preserve"

    def validator(self, node: Any, given: dict[str, str]) -> None:
        """Refuse what is no price."""
        try:
            read_prices(given)
        except ValueError as error:
            raise colander.Invalid(node, str(error)) from None


def read_prices(given: Mapping[str, str]) -> dict[str, Money]:
    """Return the prices by currency; ``ValueError`` says what is wrong with them."""
    prices = {currency: Money.parse(amount, currency) for currency, amount in given.items()}
    if any(price.minor < 1 for price in prices.values()):
        raise ValueError("a credit costs more than nothing")
    return prices


class LivestreamSettings(colander.MappingSchema):
    """Who carries the video, and what streams are like where their seller says nothing."""

    video_provider = colander.SchemaNode(
        colander.String(), missing="fake", description="who carries the video: agora, fake, or what a plugin adds"
    )
    agora_app_id = colander.SchemaNode(
        colander.String(), missing="", validator=_HEX, description="of the project at Agora"
    )
    agora_app_certificate = colander.SchemaNode(
        colander.String(),
        missing="",
        validator=_HEX,
        description="primary certificate of the project, best given as env:NAME. Switch on 'co-host authentication' "
        "there: without it Agora lets the audience publish too",
    )
    token_minutes = _whole(30, 1, 1440, "how long a video token is good for; clients ask for another in time")
    longest_hours = _whole(8, 1, 72, "a stream that its seller has forgotten ends after so many hours")
    slow_mode_seconds = _whole(1, 0, 3600, "the least time between two messages of one person")
    longest_run_list = _whole(100, 1, 500, "products of one stream")
    session_extend_seconds = _whole(
        10, 0, 300, "a bid so near to a session's end sets its clock to this again; 0: never"
    )
    hold_minutes = _whole(
        0, 0, 60 * 24 * 60, "time to order what was won in a stream; 0: as long as orders have to be paid"
    )
    credits = colander.SchemaNode(
        colander.Boolean(), missing=True, description="streams cost credits; false: they are free"
    )
    credit_price = CreditPrices(missing=colander.drop)
    free_credits = _whole(1, 0, 1000, "what a seller gets for being verified, once")
    slot_minutes = _whole(30, 1, 1440, "a credit pays for so many minutes, begun ones count")
    credit_warning_minutes = _whole(5, 0, 1440, "a seller without a credit is warned so long before the stream ends")
    presence_seconds = _whole(60, 10, 3600, "for how long joining over HTTP counts as watching without a socket")
