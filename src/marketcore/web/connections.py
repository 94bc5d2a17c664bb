"""How the HTTP process waits for its connections: woken once per request, by the kernel.

waitress's own loop asks every connection before every wait whether it wants to read or write, and is woken through a
pipe whenever a thread has answered, to ask again. Each of these wakings takes the interpreter's lock from a thread
that works. Here the kernel keeps who waits for what (``epoll(7)``): what happens on a connection is told once
(``EPOLLONESHOT``), and whoever is done with it, the loop or the thread that answered, says what to wait for next.
Nor is there a limit of 1,024 descriptors as of ``select``.
"""

from __future__ import annotations

import select
import time
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.task import WSGITask

AVAILABLE = hasattr(select, "epoll")
_SWEEP_SECONDS = 1.0


class Connections(dict[int, Any]):
    """The map of descriptors that waitress keeps, and the loop over it (``asyncore`` of its server)."""

    def __init__(self) -> None:
        super().__init__()
        self._epoll = select.epoll()
        self._full: set[int] = set()

    def __setitem__(self, descriptor: int, member: Any) -> None:
        super().__setitem__(descriptor, member)
        self._epoll.register(descriptor, select.EPOLLIN | select.EPOLLONESHOT)

    def __delitem__(self, descriptor: int) -> None:
        super().__delitem__(descriptor)
        self._epoll.unregister(descriptor)
        while self._full:
            self.wait_for(self._full.pop())

    def wait_for(self, descriptor: int | None) -> None:
        """Have the loop told of what the member wants now, if anything; any thread may say so.

        A member that was closed in the meantime is forgotten: its descriptor waits for nothing, or is another's,
        who is then looked at once more than needed.
        """
        member = None if descriptor is None else self.get(descriptor)
        if descriptor is None or member is None:
            return
        wanted = (select.EPOLLIN if member.readable() else 0) | (select.EPOLLOUT if member.writable() else 0)
        if wanted:
            try:
                self._epoll.modify(descriptor, wanted | select.EPOLLONESHOT)
            except (OSError, ValueError):  # closed between the look and the word
                return
        elif member.accepting:
            self._full.add(descriptor)

    def loop(self, timeout: float = 1, use_poll: bool = False, map: Any = None) -> None:
        """Serve until no member is left."""
        swept = 0.0
        while self:
            for descriptor, events in self._epoll.poll(_SWEEP_SECONDS):
                self._tell(descriptor, events)
            now = time.monotonic()
            if now - swept >= _SWEEP_SECONDS:
                swept = now
                self._sweep()

    def _tell(self, descriptor: int, events: int) -> None:
        """Let a member read and write, as ``select`` would have: whatever is wrong with a socket, reading finds out."""
        member = self.get(descriptor)
        if member is not None and events & ~select.EPOLLOUT and member.readable():
            wasyncore.read(member)
        member = self.get(descriptor)  # for reading may have closed it
        if member is not None and events & ~select.EPOLLIN and member.writable():
            wasyncore.write(member)
        self.wait_for(descriptor)

    def _sweep(self) -> None:
        """Look at everybody: a listener that does finds connections that have rested too long."""
        for descriptor in list(self):
            self.wait_for(descriptor)


class Channel(HTTPChannel):
    """A connection that says itself what it waits for, and sends the head of an answer together with what follows."""

    _head: bytes | None = None
    head_follows = False

    def service(self) -> None:
        """Answer one request."""
        self._head, self.head_follows = None, False
        super().service()
        self.wait()

    def wait(self) -> None:
        """Have the loop told of what comes next on this connection; waitress's own loop asks by itself."""
        if isinstance(self._map, Connections):
            self._map.wait_for(self._fileno)

    def write_soon(self, data: Any) -> int:
        """Send ``data``, or keep it for a moment if it is the head of an answer; return its length."""
        if self.head_follows and data:
            self._head, self.head_follows = data, False
            return len(data)
        if self._head is not None:
            head, self._head = self._head, None
            if isinstance(data, bytes):
                self._send(head + data)
                return len(data)
            self._send(head)
        return self._send(data)

    def _send(self, data: Any) -> int:
        sent: int = super().write_soon(data)
        if self.total_outbufs_len:
            self.wait()
        return sent

    def _flush_outbufs_below_high_watermark(self) -> None:
        if self.total_outbufs_len > self.adj.outbuf_high_watermark:
            self.wait()  # the loop goes on sending while this thread waits for it
        super()._flush_outbufs_below_high_watermark()


class Task(WSGITask):
    """One answer, whose head waits for its body."""

    def build_response_header(self) -> bytes:
        """Return the head of the answer."""
        head: bytes = super().build_response_header()
        self.channel.head_follows = True
        return head

    def finish(self) -> None:
        """Send what is left, a head without a body too."""
        super().finish()
        self.channel.write_soon(b"")


Channel.task_class = Task


def take_over(*servers: Any) -> None:
    """Have ``servers``, made with one ``Connections`` for a map, wait by it; nobody waits at their pipes any more."""
    for server in servers:
        server.asyncore = getattr(server, "map", None) or server._map
        server.pull_trigger = lambda: None
