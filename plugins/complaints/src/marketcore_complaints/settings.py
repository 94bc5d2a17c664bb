"""``complaints.*``: who may freeze, and how long a thread may become."""

from __future__ import annotations

import colander


class ComplaintSettings(colander.MappingSchema):
    """Limits of complaints."""

    buyers_may_freeze = colander.SchemaNode(
        colander.Boolean(), missing=True, description="a buyer who complains may have the order's held money frozen"
    )
    max_messages = colander.SchemaNode(
        colander.Integer(), missing=500, validator=colander.Range(1, 10_000), description="messages of one complaint"
    )
    max_files = colander.SchemaNode(
        colander.Integer(), missing=10, validator=colander.Range(0, 100), description="files of one complaint"
    )
