"""The HTTP process: waitress around the one application."""

from __future__ import annotations

import signal
import threading
from typing import Any

from marketcore.settings import section


def serve(registry: Any) -> int:
    """Serve until SIGTERM or SIGINT, then let running requests finish; return the exit code."""
    from waitress.server import create_server

    settings = section(registry, "web")
    proxy = settings["trusted_proxy"]
    server = create_server(
        registry["make_application"](),
        host=settings["host"],
        port=settings["port"],
        threads=settings["threads"],
        ident=None,
        max_request_body_size=settings["max_upload_bytes"] + 1_048_576,
        clear_untrusted_proxy_headers=True,
        **({"trusted_proxy": proxy, "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto"} if proxy else {}),
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: stop.set())
    threading.Thread(target=server.run, daemon=True, name="waitress").start()
    stop.wait()
    server.close()
    server.task_dispatcher.shutdown(timeout=10)
    return 0
