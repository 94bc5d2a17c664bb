"""Where messages may be sent: the configured policy, and names looked up once.

Both the saving of an endpoint and every single try ask here; the try then connects to exactly the addresses it got.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from marketcore.exceptions import ConfigurationError
from marketcore.settings import section
from marketcore_webhooks.rules.addresses import Target, address_fault, read_url

T = TypeVar("T")
Resolver = Callable[[str, int], Sequence[str]]
MOST_ADDRESSES = 4


class Refused(Exception):
    """Nothing is sent to this URL; the message says why, and does not tell what a name resolves to."""


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of ``host`` as the system's resolver orders them; ``OSError`` if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_kind, address in found))


class Destinations:
    """Decides about URLs. ``resolve`` may be replaced, as tests do to speak for the name servers."""

    def __init__(self, ports: Collection[int], *, allow_private: bool, resolve: Resolver = look_up) -> None:
        self._ports = frozenset(ports)
        self._allow_private = allow_private
        self.resolve = resolve

    def locate(self, url: str, seconds: float) -> tuple[Target, list[str]]:
        """Return where ``url`` leads and the addresses that may be connected to.

        One name is looked up once. ``Refused`` if any of its addresses is not public: of a name that mixes both
        nobody can say which one is meant. ``seconds`` bound the wait for name servers.
        """
        try:
            target = read_url(url, ports=self._ports, allow_private=self._allow_private)
        except ValueError as error:
            raise Refused(str(error)) from None
        addresses = [target.literal] if target.literal else self._look_up(target, seconds)
        if not self._allow_private and any(address_fault(address) for address in addresses):
            raise Refused("leads to an address that is not public")
        return target, addresses[:MOST_ADDRESSES]

    def _look_up(self, target: Target, seconds: float) -> list[str]:
        try:
            addresses = list(within(seconds, self.resolve, target.host, target.port))
        except TimeoutError:
            raise Refused("has a host whose name servers do not answer") from None
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise Refused("has a host that is not found")
        return addresses


def within(seconds: float, function: Callable[..., T], *arguments: Any) -> T:
    """Return what ``function`` returns, or raise ``TimeoutError``: the system's resolver knows no time limit."""
    ended: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

    def run() -> None:
        try:
            result = function(*arguments)
            ended.put(lambda: result)
        except Exception as error:
            ended.put(_raising(error))

    threading.Thread(target=run, name="look-up", daemon=True).start()
    try:
        return ended.get(timeout=max(seconds, 0))()
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds} s") from None


def _raising(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


def includeme(config: Any) -> None:
    """Set the policy up (``registry["webhooks_destinations"]``)."""
    settings = section(config.registry, "webhooks")
    if settings["allow_private"] and section(config.registry, "marketcore")["environment"] == "production":
        raise ConfigurationError(
            "webhooks.allow_private = true opens one's own network to every user, which production cannot have: "
            "remove it, or set marketcore.environment = development"
        )
    config.registry["webhooks_destinations"] = Destinations(settings["ports"], allow_private=settings["allow_private"])
