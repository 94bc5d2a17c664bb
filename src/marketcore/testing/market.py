"""A whole marketplace for one test: configuration, real HTTP server, clients, units of work."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from sqlalchemy import text

from marketcore.config import configure
from marketcore.db.session import perform, work
from marketcore.settings import section
from marketcore.web.server import build_server

# Reading the list of certificate authorities costs more than most requests; one reading serves every client.
_AUTHORITIES = ssl.create_default_context()


class Market:
    """One configured marketplace over its own database.

    ``url`` is set while its web server runs (the ``market`` fixture starts it). A test that closes a part of it
    for good sets ``spent``, so that no other test gets it.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.config = configure(settings)
        self.registry = self.config.registry
        self.url = ""
        self.spent = False
        self._clients: list[httpx.Client] = []
        self._server: Any = None

    def work(self) -> Any:
        """Return a unit of work: ``with market.work() as request``."""
        return work(self.registry)

    def perform(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Run ``function(request, …)`` in a unit of work."""
        return perform(self.registry, function, *arguments, **named)

    def query(self, sql: str, **parameters: Any) -> list[Any]:
        """Return the rows of one SQL statement, as an auditor would read them; changes are committed."""
        with self.registry["engine"].begin() as connection:
            result = connection.execute(text(sql), parameters)
            return list(result) if result.returns_rows else []

    def travel(self, interval: str) -> None:
        """Move the whole marketplace's clock, for example ``travel("25 hours")``."""
        name = self.registry["engine"].url.database
        self.query(f"ALTER DATABASE {name} SET marketcore.clock_shift = '{interval}'")
        self.registry["engine"].dispose()

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        """Return an HTTP client of the running server, with ``token`` as its bearer token; closed with the market."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        defaults = {"timeout": 30, "trust_env": False, "verify": _AUTHORITIES}
        client = httpx.Client(base_url=self.url, headers=headers, **{**defaults, **options})
        self._clients.append(client)
        return client

    @contextmanager
    def serving(self) -> Iterator[Market]:
        """Serve the application with waitress on a free port of the loopback interface."""
        from waitress.wasyncore import close_all

        web = section(self.registry, "web")
        server = self._server = build_server(self.config.make_wsgi_app(), web, host="127.0.0.1", port=0, threads=16)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.effective_port}"
        section(self.registry, "marketcore")["public_url"] = self.url
        try:
            yield self
        finally:
            # The workers first, for they wake the loop when done; then the loop closes its own sockets, at once.
            server.task_dispatcher.shutdown(timeout=5)
            server.trigger.pull_trigger(lambda: close_all(server._map))
            thread.join(5)

    def at_rest(self, seconds: float = 5) -> bool:
        """Wait until no request is being served; return whether that came true within ``seconds``."""
        tasks = self._server.task_dispatcher
        deadline = time.monotonic() + seconds
        while tasks.queue or tasks.active_count:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def part(self) -> bool:
        """Release the connections of the clients and, once no request is served, to the database.

        Return whether that came true: a connection in use would be left to nobody.
        """
        self._close_clients()
        resting = self.at_rest()
        if resting:
            self._release()
        return resting

    def close(self) -> None:
        """Release every connection, and end the thread that tells the live gateways."""
        self._close_clients()
        self._release()
        if sender := self.registry.get("live sender"):
            sender.close()

    def _release(self) -> None:
        if caller := self.registry.get("job caller"):  # a configuration of some rooms only may have none
            caller.settle()
        if presence := self.registry.get("live presence"):
            presence.close()
        self.registry["engine"].dispose()

    def _close_clients(self) -> None:
        while self._clients:
            self._clients.pop().close()
