"""``jobs.*``: how a worker process works."""

from __future__ import annotations

import colander


class JobSettings(colander.MappingSchema):
    """``jobs.*``: threads, leases and shutdown of a worker process."""

    threads = colander.SchemaNode(
        colander.Integer(),
        missing=4,
        validator=colander.Range(1, 64),
        description="jobs that one worker process runs at the same time",
    )
    lease_seconds = colander.SchemaNode(
        colander.Integer(),
        missing=60,
        validator=colander.Range(1, 3600),
        description="after this long without a sign of life a job is given to another worker",
    )
    poll_seconds = colander.SchemaNode(
        colander.Float(),
        missing=1.0,
        validator=colander.Range(0.05, 1.0),
        description="how often an idle worker looks for due jobs nobody announced",
    )
    shutdown_seconds = colander.SchemaNode(
        colander.Float(),
        missing=20.0,
        validator=colander.Range(0, 600),
        description="how long running jobs may finish after SIGTERM or SIGINT",
    )
