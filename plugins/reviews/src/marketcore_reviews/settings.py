"""``reviews.*``: how long reviews may be changed, and when buyers are asked for feedback."""

from __future__ import annotations

import colander


class ReviewSettings(colander.MappingSchema):
    """Deadlines of opinions."""

    edit_days = colander.SchemaNode(
        colander.Integer(), missing=30, validator=colander.Range(0, 365), description="how long a review may be changed"
    )
    request_hours = colander.SchemaNode(
        colander.Integer(),
        missing=24,
        validator=colander.Range(0, 24 * 30),
        description="hours after delivery until a buyer is asked for feedback",
    )
