"""``webhooks.*``: where messages may go and how patient their sending is."""

from __future__ import annotations

import colander

from marketcore.settings import Words


class Ports(Words):
    """Port numbers separated by white space."""

    def deserialize(self, node: colander.SchemaNode, cstruct: object) -> object:
        """Return a tuple of whole numbers."""
        words = super().deserialize(node, cstruct)
        if words is colander.null:
            return colander.null
        try:
            ports = tuple(int(word) for word in words)
        except ValueError:
            raise colander.Invalid(node, "has to be port numbers such as '443 8443'") from None
        if not ports or not all(1 <= port <= 65535 for port in ports):
            raise colander.Invalid(node, "needs at least one port, each from 1 to 65535")
        return ports


class WebhookSettings(colander.MappingSchema):
    """What can be configured; the defaults are those of a public marketplace."""

    ports = colander.SchemaNode(Ports(), missing=(443,), description="ports that the URLs of endpoints may name")
    allow_private = colander.SchemaNode(
        colander.Boolean(),
        missing=False,
        description="development only: also http, any port, and addresses of one's own network",
    )
    ca_file = colander.SchemaNode(
        colander.String(), missing="", description="certificates of authorities to trust; empty for the system's"
    )
    timeout_seconds = colander.SchemaNode(
        colander.Float(),
        missing=15.0,
        validator=colander.Range(0.1, 60),
        description="how long one try may take, from looking up the name to the end of the answer",
    )
    threads = colander.SchemaNode(
        colander.Integer(),
        missing=48,
        validator=colander.Range(2, 512),
        description="messages one worker process sends at the same time; half as many more to endpoints that fail",
    )
    max_endpoints = colander.SchemaNode(
        colander.Integer(), missing=20, validator=colander.Range(1, 1000), description="endpoints one user may have"
    )
    retention_days = colander.SchemaNode(
        colander.Integer(),
        missing=30,
        validator=colander.Range(7, 3650),
        description="how long messages and their deliveries can be read and replayed",
    )
