"""``request.publish``: events become rows at the very end of the transaction, and hints after it.

``request.signal`` is for what is not worth a row: that somebody is typing, or how many are watching.

All events of a transaction are written by one statement, its last, in the order of the channels' names. The row
lock on each channel makes offsets gapless and their order that of the commits (never read an outbox by
``id > last``: a sequence promises neither).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import event as session_events
from sqlalchemy import text
from sqlalchemy.orm import Session, SessionTransaction

from marketcore.db.quick import QuickSession
from marketcore.live.hints import CONTROL, EVENTS, SIGNALS, encode_event, encode_revocation, encode_signal, event_frame
from marketcore.live.hub import Event
from marketcore.web.json import dumps

LARGEST_DATA = 16 * 1024
LARGEST_SIGNAL = 1024
_BUFFER = object()

_WRITE = text(
    """
    WITH incoming AS (
        SELECT channel, type, data, row_number() OVER (PARTITION BY channel ORDER BY place) AS step
        FROM ROWS FROM (json_to_recordset(CAST(:events AS json)) AS (channel text, type text, data json))
             WITH ORDINALITY AS given(channel, type, data, place)
    ), counted AS (
        SELECT channel, count(*) AS events FROM incoming GROUP BY channel
    ), heads AS (
        INSERT INTO live_channels AS head (name, last_offset)
        SELECT channel, events FROM counted ORDER BY channel COLLATE "C"
        ON CONFLICT (name) DO UPDATE SET last_offset = head.last_offset + excluded.last_offset
        RETURNING name, epoch, last_offset
    ), written AS (
        INSERT INTO live_events (channel, "offset", type, data)
        SELECT channel, last_offset - events + step, type, CAST(data AS jsonb)
        FROM incoming JOIN counted USING (channel) JOIN heads ON name = channel
        RETURNING channel, "offset", at
    )
    SELECT channel, epoch, "offset", at FROM written JOIN heads ON name = channel ORDER BY channel, "offset"
    """
)


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event that is about to be written; ``data`` is the text of a JSON object."""

    channel: str
    type: str
    data: str


@dataclass(frozen=True, slots=True)
class _Pending(LiveEvent):
    within: SessionTransaction | None


class _Buffer:
    """The events of one transaction; those of a savepoint that is rolled back are forgotten."""

    def __init__(self, session: QuickSession) -> None:
        self.session = session
        self.pending: list[_Pending] = []
        session.info[_BUFFER] = self

    def add(self, event: LiveEvent) -> None:
        self.session.connection()
        self.pending.append(_Pending(event.channel, event.type, event.data, _innermost(self.session)))

    def take(self) -> list[_Pending]:
        del self.session.info[_BUFFER]
        current = set(_lineage(self.session.get_transaction()))
        return [event for event in self.pending if current.intersection(_lineage(event.within))]

    def forget(self, ended: SessionTransaction) -> None:
        self.pending = [event for event in self.pending if ended not in _lineage(event.within)]


def publish(request: Any, channel: str, type: str, data: Mapping[str, Any]) -> None:
    """Tell the listeners of ``channel`` that ``type`` happened, if and when this transaction commits.

    ``data`` is a JSON object of at most 16 KiB. ``LookupError`` if no declared pattern has that channel or it does
    not carry such events, ``ValueError`` if the data cannot be sent.
    """
    event = make_event(request.registry, channel, type, data)
    _buffer(request).add(event)


def make_event(registry: Any, channel: str, type: str, data: Mapping[str, Any]) -> LiveEvent:
    """Return a checked event for an ``EventBatch``; ``LookupError`` and ``ValueError`` as for ``publish``."""
    _check_declared(registry, channel, type, stored=True)
    return LiveEvent(channel, type, _encoded(type, data, LARGEST_DATA).decode())


def signal(request: Any, channel: str, type: str, data: Mapping[str, Any]) -> None:
    """Tell whoever listens to ``channel`` at this moment, once this transaction has been committed.

    Nothing is stored: a signal has no offset, is not repeated to those who come back, and is lost while Redis is away.
    ``type`` was declared with ``add_live_event(…, stored=False)``; ``data`` is a JSON object of at most 1 KiB.
    ``LookupError`` and ``ValueError`` as for ``publish``.
    """
    _check_declared(request.registry, channel, type, stored=False)
    message = (SIGNALS, encode_signal(channel, type, _encoded(type, data, LARGEST_SIGNAL)))
    request.tm.get().addAfterCommitHook(_send, args=(request.registry, [message]))


def _check_declared(registry: Any, channel: str, type: str, *, stored: bool) -> None:
    match = registry["live channels"].match(channel)
    if match is None:
        raise LookupError(f"no live channel is called {channel!r}: declare its pattern with add_live_channel")
    declared = registry["live event types"][match.pattern].get(type)
    if declared is None or declared.stored is not stored:
        kind, how = ("events", "add_live_event") if stored else ("signals", "add_live_event(…, stored=False)")
        raise LookupError(f"the live channel {match.pattern!r} carries no {kind} {type!r}: declare them with {how}")


def _encoded(type: str, data: Mapping[str, Any], largest: int) -> bytes:
    encoded = dumps(dict(data))
    if len(encoded) > largest:
        raise ValueError(
            f"the event {type!r} has {len(encoded)} bytes of data, more than {largest}: send an id and let "
            "the client load the rest"
        )
    return encoded


class EventBatch:
    """Events to be written by one statement, the last of a transaction, and the hints to send after its commit.

    For work that has no request of its own: what a request publishes is written by itself.
    """

    statement = _WRITE

    def __init__(self, events: Iterable[LiveEvent]) -> None:
        self._events = sorted(events, key=lambda event: event.channel)

    def __bool__(self) -> bool:
        return bool(self._events)

    @property
    def parameters(self) -> dict[str, str]:
        """What the statement is executed with."""
        # One JSON text: the driver escapes the texts of an array character by character.
        rows = [
            {"channel": event.channel, "type": event.type, "data": msgspec.Raw(event.data.encode())}
            for event in self._events
        ]
        return {"events": dumps(rows).decode()}

    def hints(self, rows: Iterable[Any]) -> list[tuple[str, bytes]]:
        """Return the messages for ``registry["live sender"].send`` from the rows that the statement has returned."""
        places = {name: iter(list(group)) for name, group in groupby(rows, key=lambda row: row.channel)}
        messages = []
        for one in self._events:
            _channel, epoch, offset, at = next(places[one.channel])
            frame = event_frame(one.channel, offset, one.type, one.data, at)
            messages.append((EVENTS, encode_event(Event(one.channel, str(epoch), offset, frame))))
        return messages


def recheck_live(request: Any, user_id: int) -> None:
    """Have the live rights of a user looked at again at once when this transaction has been committed.

    For rights that a plugin grants and takes, such as a seat in a conversation; logout, blocking and roles are
    noticed without it, and everything within ``live.recheck_seconds``.
    """
    message = (CONTROL, encode_revocation(user_id))
    request.tm.get().addAfterCommitHook(_send, args=(request.registry, [message]))


def _buffer(request: Any) -> _Buffer:
    transaction = request.tm.get()
    try:
        buffer: _Buffer | None = transaction.data(_BUFFER)
    except KeyError:
        buffer = None
    if buffer is None:
        buffer = _Buffer(request.db)
        transaction.set_data(_BUFFER, buffer)
        transaction.addBeforeCommitHook(_write, args=(request.registry, transaction))
    return buffer


def _write(registry: Any, transaction: Any) -> None:
    *_before, (last, _arguments, _named) = transaction.getBeforeCommitHooks()
    if last is not _write:
        # What others write at the end comes first: channels are the last rows to be locked.
        transaction.addBeforeCommitHook(_write, args=(registry, transaction))
        return
    buffer: _Buffer = transaction.data(_BUFFER)
    transaction.set_data(_BUFFER, None)
    buffer.session.flush()
    if batch := EventBatch(buffer.take()):
        hints: list[tuple[str, bytes]] = []
        buffer.session.execute_last(batch.statement, batch.parameters, lambda rows: hints.extend(batch.hints(rows)))
        transaction.addAfterCommitHook(_send, args=(registry, hints))


def _send(committed: bool, registry: Any, messages: list[tuple[str, bytes]]) -> None:
    if committed:
        registry["live sender"].send(messages)


def _innermost(session: Session) -> SessionTransaction | None:
    return session.get_nested_transaction() or session.get_transaction()


def _lineage(transaction: SessionTransaction | None) -> list[SessionTransaction]:
    found = []
    while transaction is not None:
        found.append(transaction)
        transaction = transaction.parent
    return found


def _rolled_back(session: Session, ended: SessionTransaction) -> None:
    if _BUFFER in session.info:
        session.info[_BUFFER].forget(ended)


def includeme(config: Any) -> None:
    """Add ``request.publish``, ``request.signal`` and ``request.recheck_live``."""
    session_events.listen(config.registry["session_factory"], "after_soft_rollback", _rolled_back)
    config.add_request_method(publish)
    config.add_request_method(signal)
    config.add_request_method(recheck_live)
