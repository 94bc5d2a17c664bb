"""Documents of notifications, for lists and for sockets."""

from __future__ import annotations

from typing import Any

from marketcore.web.json import utc


def present(row: Any) -> dict[str, Any]:
    """Return the document of a notification."""
    return {
        "id": row.id,
        "type": row.type,
        "line": row.line,
        "data": row.data,
        "times": row.times,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
        "read_at": utc(row.read_at),
    }
