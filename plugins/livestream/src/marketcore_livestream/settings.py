"""``livestream.*``."""

from __future__ import annotations

from typing import Any

import colander

_HEX = colander.Regex(r"([0-9a-fA-F]{32})?\Z", "must be 32 hexadecimal digits")


def _whole(missing: int, low: int, high: int, description: str) -> Any:
    return colander.SchemaNode(
        colander.Integer(), missing=missing, validator=colander.Range(low, high), description=description
    )


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
    presence_seconds = _whole(60, 10, 3600, "for how long joining over HTTP counts as watching without a socket")
