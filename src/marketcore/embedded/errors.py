"""What goes wrong with an embedded server."""


class EmbeddedServerError(Exception):
    """An embedded server cannot run; the message names the server, the reason and the remedy."""
