"""The log of what happened, and the deliveries in it that can be sent again."""

import itertools
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from marketcore_simulator.clock import SimulatedClock

KEPT = 2000


@dataclass(frozen=True)
class Envelope:
    """One outgoing call to the marketplace: exactly these bytes, to this address.

    `timeout` is the seconds the gateway waits for an answer, None for as long as `delivery_timeout` says.
    """

    face: str
    subject: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeout: float | None = None


@dataclass(frozen=True)
class Event:
    """One line of the log; `envelope` is set for deliveries."""

    id: int
    at: datetime
    face: str
    kind: str
    summary: str
    detail: dict[str, object] = field(default_factory=dict)
    envelope: Envelope | None = None

    def as_document(self) -> dict[str, object]:
        """Return the event as JSON members."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "face": self.face,
            "kind": self.kind,
            "summary": self.summary,
            "detail": self.detail,
            "redeliverable": self.envelope is not None,
        }


class EventLog:
    """Keep the newest events, numbered from 1."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._ids = itertools.count(1)
        self._events: deque[Event] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, face: str, kind: str, summary: str, envelope: Envelope | None = None, **detail: object) -> Event:
        """Write one event and return it."""
        with self._lock:
            event = Event(next(self._ids), self._clock.now(), face, kind, summary, detail, envelope)
            self._events.append(event)
            return event

    def select(self, face: str | None = None, kind: str | None = None) -> list[Event]:
        """Return the events kept, oldest first, of one face or kind if given."""
        with self._lock:
            kept = list(self._events)
        return [event for event in kept if face in {None, event.face} and kind in {None, event.kind}]

    def get(self, event_id: int) -> Event:
        """Return one event; raise LookupError when it is not kept."""
        for event in self.select():
            if event.id == event_id:
                return event
        raise LookupError(f"there is no event {event_id}")

    def clear(self) -> None:
        """Forget all events; numbers go on."""
        with self._lock:
            self._events.clear()
