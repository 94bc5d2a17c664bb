"""The HTTP process: waitress around the one application."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from typing import Any

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import BaseWSGIServer, create_server

from marketcore.settings import section
from marketcore.starting import expect_connections, keep_what_stays
from marketcore.web.connections import AVAILABLE, Channel, Connections, take_over


class StrictParser(HTTPRequestParser):
    """Refuses a length beside chunks: two readers of such a message see two different requests (RFC 9112, 6.3)."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request; ``ParsingError`` is answered with 400, and the connection is closed."""
        super().parse_header(header_plus)
        if "CONTENT_LENGTH" in self.headers and (self.chunked or "TRANSFER_ENCODING" in self.headers):
            raise ParsingError("Content-Length and Transfer-Encoding exclude each other")


class StrictChannel(Channel):
    """A connection whose requests are read strictly."""

    parser_class = StrictParser


def build_server(application: Any, settings: Mapping[str, Any], **listen: Any) -> Any:
    """Return waitress around ``application``, limited as the ``web`` section says; ``listen`` has host and port."""
    sockets: dict[int, Any] = Connections() if AVAILABLE else {}
    proxy = settings["trusted_proxy"]
    server = create_server(
        application,
        map=sockets,
        ident=None,
        max_request_body_size=settings["max_upload_bytes"] + 1_048_576,
        clear_untrusted_proxy_headers=True,
        asyncore_use_poll=True,  # where it waits itself: select knows no thousand connections
        **({"trusted_proxy": proxy, "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto"} if proxy else {}),
        **{"connection_limit": settings["connections"], **listen},
    )
    listeners = [member for member in sockets.values() if isinstance(member, BaseWSGIServer)]
    for listener in listeners:
        listener.channel_class = StrictChannel
    if AVAILABLE:
        take_over(server, *listeners)
    return server


def serve(registry: Any) -> int:
    """Serve until SIGTERM or SIGINT, then let running requests finish; return the exit code."""
    settings = section(registry, "web")
    expect_connections(settings["connections"])
    listen = {name: settings[name] for name in ("host", "port", "threads")}
    server = build_server(registry["make_application"](), settings, **listen)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: stop.set())
    keep_what_stays()
    threading.Thread(target=server.run, daemon=True, name="waitress").start()
    stop.wait()
    server.close()
    server.task_dispatcher.shutdown(timeout=10)
    return 0
