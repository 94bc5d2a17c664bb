"""``escrow.*``."""

from __future__ import annotations

import colander


class EscrowSettings(colander.MappingSchema):
    """Deadlines, and what happens where nobody says anything."""

    unanswered = colander.SchemaNode(
        colander.String(),
        missing="release",
        validator=colander.OneOf(["release", "return"]),
        description="where the share of a proof goes that its advertisement's owner leaves unanswered",
    )
    review_days = colander.SchemaNode(
        colander.Integer(), missing=3, validator=colander.Range(1, 60), description="days to answer a proof"
    )
    resubmit_days = colander.SchemaNode(
        colander.Integer(),
        missing=2,
        validator=colander.Range(1, 60),
        description="days to show a better proof after a rejection, also past the advertisement's end",
    )
    longest_days = colander.SchemaNode(
        colander.Integer(), missing=365, validator=colander.Range(1, 3650), description="the longest duration"
    )
    most_applications = colander.SchemaNode(
        colander.Integer(),
        missing=500,
        validator=colander.Range(1, 5000),
        description="applications for one advertisement that may wait for an answer at once",
    )
    most_proofs = colander.SchemaNode(
        colander.Integer(), missing=20, validator=colander.Range(1, 1000), description="proofs of one application"
    )
