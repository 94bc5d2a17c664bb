"""Sends what is due, in threads of its own: nobody waits for a receiver that hangs, neither a job nor other receivers.

Endpoints whose last try failed have threads of their own, fewer ones: what hangs is known as failing after one try, and
from then on no number of such endpoints takes a thread from the healthy ones.
"""

from __future__ import annotations

import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from marketcore.db.session import perform
from marketcore.exceptions import ConfigurationError
from marketcore.settings import section
from marketcore.testing.crash import crash_point
from marketcore_webhooks.claiming import Claimed, claim
from marketcore_webhooks.posting import Poster
from marketcore_webhooks.rules.schedule import Answer
from marketcore_webhooks.services.recording import record
from marketcore_webhooks.signing import SecretBox, Unreadable, headers

log = structlog.get_logger(__name__)
# How long after a sweep its threads go on with what else is due; the job sweeps every second.
SLICE_SECONDS = 1.0
# A lease outlives the longest try by this much: time to write its outcome down.
RECORDING_SECONDS = 45


class Courier:
    """The threads of one process that send messages; idle until ``sweep`` is called."""

    def __init__(self, registry: Any, poster: Poster, *, threads: int, timeout: float) -> None:
        self.poster = poster
        self._registry = registry
        # By whether the endpoint is failing.
        self._limits = {False: threads, True: threads // 2}
        self._busy = {False: 0, True: 0}
        self._closed = False
        self._lease_seconds = timeout + RECORDING_SECONDS
        self._pool: ThreadPoolExecutor | None = None
        self._changed = threading.Condition()

    def sweep(self, seconds: float = SLICE_SECONDS) -> None:
        """Begin the tries that are due, as many as there are idle threads; return without waiting for them.

        For ``seconds`` a thread that has finished goes on with what else is due.
        """
        self._begin(time.monotonic() + seconds)

    def drain(self, seconds: float) -> None:
        """Send until nothing is due and all is written down; ``TimeoutError`` after ``seconds``. For tests."""
        until = time.monotonic() + seconds
        self._begin(until)
        with self._changed:
            if not self._changed.wait_for(lambda: not sum(self._busy.values()), seconds):
                raise TimeoutError(f"messages are still being sent after {seconds} s")

    def close(self) -> None:
        """Wait for what is being sent, and begin no more."""
        with self._changed:
            self._closed = True
        if self._pool is not None:
            self._pool.shutdown()

    def _begin(self, until: float) -> None:
        with self._changed:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(sum(self._limits.values()), thread_name_prefix="webhooks")
            for claimed in [] if self._closed else self._claim():
                self._busy[claimed.failing] += 1
                self._pool.submit(self._carry, claimed, until)

    def _claim(self) -> list[Claimed]:
        free = {failing: limit - self._busy[failing] for failing, limit in self._limits.items()}
        with self._registry["engine"].begin() as connection:
            return [
                claimed
                for failing, slots in free.items()
                for claimed in claim(connection, slots=slots, failing=failing, lease_seconds=self._lease_seconds)
            ]

    def _carry(self, claimed: Claimed, until: float) -> None:
        try:
            deliver(self._registry, self.poster, claimed)
        except Exception:
            log.exception("webhook_not_recorded", delivery_id=claimed.delivery_id, remedy="its lease ends by itself")
        with self._changed:
            self._busy[claimed.failing] -= 1
            self._go_on(until)
            self._changed.notify_all()

    def _go_on(self, until: float) -> None:
        if time.monotonic() < until:
            try:
                self._begin(until)
            except Exception:
                log.exception("webhooks_not_claimed", remedy="the next sweep claims them")


def deliver(registry: Any, poster: Poster, claimed: Claimed) -> None:
    """Make one try and write down what it has brought.

    A process that dies in between has sent and does not know: once the lease has ended the message is sent again,
    under the same id.
    """
    answer = send(registry["webhooks_box"], poster, claimed)
    crash_point("webhooks.sent")
    perform(registry, record, claimed, answer)


def send(box: SecretBox, poster: Poster, claimed: Claimed) -> Answer:
    """Return what one try has brought; no transaction is open meanwhile."""
    try:
        keys = [box.open(sealed, claimed.user_id) for sealed in claimed.secrets]
    except Unreadable as error:
        return Answer(None, str(error))
    # Receivers compare it with their own clocks, so it is the world's time and not the marketplace's.
    made = headers(claimed.message_id, int(time.time()), claimed.body, keys)
    return poster.post(claimed.url, made, claimed.body)


def trusting(ca_file: str) -> ssl.SSLContext:
    """Return a client's TLS context that trusts the authorities in ``ca_file``, or the system's if it is empty."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ConfigurationError(
            f"webhooks.ca_file = {ca_file!r} cannot be used: {error.strerror or error}; name a file of certificates in "
            "PEM form, or leave it out for the system's"
        ) from None


def includeme(config: Any) -> None:
    """Build what sends (``registry["webhooks_courier"]``) and the box of its secrets; no thread is started yet."""
    registry, settings = config.registry, section(config.registry, "webhooks")
    tls, timeout = trusting(settings["ca_file"]), settings["timeout_seconds"]
    poster = Poster(registry["webhooks_destinations"], timeout=timeout, tls=tls)
    registry["webhooks_box"] = SecretBox(registry["secrets"].derive("webhooks endpoint secrets"))
    registry["webhooks_courier"] = Courier(registry, poster, threads=settings["threads"], timeout=timeout)
