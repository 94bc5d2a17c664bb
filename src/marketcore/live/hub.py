"""Who listens to what, and how far each channel's stream has been told. Pure: no socket, no clock, no database.

The database's stream is the truth. An event that arrives from elsewhere is a *hint*: it is passed on when it is
the next one, dropped when it is old, and otherwise makes the channel *due* for a read. All reads go through
``take_reads`` and ``apply`` one flight at a time, so that a later result always shows a later state; epochs are
learned from reads alone. A member who joins hears nothing until a read made after the joining shows where its
stream begins; what was passed on in the meantime is kept and handed over behind that point.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

M = TypeVar("M", bound=Hashable)

HEAD = 2**63 - 1  # a read "after" this offset returns the position alone


class Position(NamedTuple):
    """A point in a channel's stream; ``epoch`` is ``None`` while the channel has never had an event."""

    epoch: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a channel; ``frame`` is its encoded text, the same for every member."""

    channel: str
    epoch: str
    offset: int
    frame: bytes


class Read(NamedTuple):
    """A wish: the channel's position and at most ``limit`` events after the offset ``after``."""

    channel: str
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Stream:
    """What the database said to one ``Read``."""

    position: Position
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Deliver(Generic[M]):
    """Pass ``event`` on to ``members``."""

    event: Event
    members: Collection[M]


@dataclass(frozen=True, slots=True)
class Joined(Generic[M]):
    """``member`` stands at ``position``: with ``recovered`` it has missed ``events`` and nothing else."""

    member: M
    channel: str
    position: Position
    recovered: bool
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Renewed(Generic[M]):
    """The channel has another epoch: go on from ``position``.

    Either its stream has only just begun (``recovered``: nothing was missed), or it was broken off and ``members``
    must load the resource again.
    """

    channel: str
    position: Position
    recovered: bool
    members: Collection[M]


class CannotJoin(Exception):
    """The member is in the channel already, or in too many."""


@dataclass(slots=True)
class _Joiner:
    since: Position | None
    asked: bool = False


@dataclass(slots=True)
class _Channel(Generic[M]):
    name: str
    position: Position | None = None
    asked: int | None = None  # the offset of the catching-up read in flight
    members: dict[M, None] = field(default_factory=dict)
    floors: dict[M, int] = field(default_factory=dict)  # members who are ahead of the channel, until it is there
    joiners: dict[M, _Joiner] = field(default_factory=dict)
    ahead: dict[int, Event] = field(default_factory=dict)  # hints behind a gap
    recent: deque[Event] = field(default_factory=deque)  # passed on while somebody is joining


class Hub(Generic[M]):
    """The membership and the positions of every channel that has listeners.

    ``history`` is the most events a returning member may have missed and ``history_bytes`` their most bytes;
    ``page`` is how many events a channel catches up with per read; ``kept`` bounds what is held back per channel.
    """

    def __init__(
        self,
        *,
        channels_per_member: int = 100,
        history: int = 300,
        history_bytes: int = 512 * 1024,
        page: int = 100,
        kept: int = 256,
    ) -> None:
        self.channels_per_member = channels_per_member
        self.history = history
        self.history_bytes = history_bytes
        self.page = page
        self.kept = kept
        self._channels: dict[str, _Channel[M]] = {}
        self._memberships: dict[M, set[str]] = {}
        self._due: dict[str, None] = {}

    @property
    def due(self) -> bool:
        """Whether some channel waits for a read."""
        return bool(self._due)

    def channels_of(self, member: M) -> tuple[str, ...]:
        """Return the channels ``member`` is in or about to be in, by name."""
        return tuple(sorted(self._memberships.get(member, ())))

    def channels(self) -> tuple[str, ...]:
        """Return the channels that somebody is in or about to be in."""
        return tuple(self._channels)

    def members_of(self, channel: str) -> tuple[M, ...]:
        """Return who listens to ``channel``, without those who are about to."""
        found = self._channels.get(channel)
        return () if found is None else tuple(found.members)

    def join(self, member: M, channel: str, since: Position | None = None) -> None:
        """Let ``member`` into ``channel``; the next reads answer with a ``Joined``."""
        mine = self._memberships.setdefault(member, set())
        if channel in mine:
            raise CannotJoin(f"you listen to {channel} already")
        if len(mine) >= self.channels_per_member:
            raise CannotJoin(f"one socket may listen to {self.channels_per_member} channels: leave one first")
        mine.add(channel)
        self._channels.setdefault(channel, _Channel(channel)).joiners[member] = _Joiner(since)
        self._due[channel] = None

    def leave(self, member: M, channel: str) -> bool:
        """Take ``member`` out of ``channel``; return whether it was in."""
        mine = self._memberships.get(member, set())
        if channel not in mine:
            return False
        mine.discard(channel)
        self._drop(self._channels[channel], member)
        return True

    def forget(self, member: M) -> None:
        """Take ``member`` out of everything."""
        for channel in self._memberships.pop(member, ()):
            self._drop(self._channels[channel], member)

    def _drop(self, channel: _Channel[M], member: M) -> None:
        for group in (channel.members, channel.floors, channel.joiners):
            group.pop(member, None)
        if not channel.members and not channel.joiners:
            del self._channels[channel.name]
            self._due.pop(channel.name, None)

    def hint(self, event: Event) -> list[Deliver[M]]:
        """Take an event that may be lost, repeated or out of turn; return what can be passed on now."""
        channel = self._channels.get(event.channel)
        if channel is None:
            return []
        position = channel.position
        if position is None or position.epoch != event.epoch:
            self._due[channel.name] = None
            return []
        if event.offset <= position.offset:
            return []
        if event.offset == position.offset + 1 or len(channel.ahead) < self.kept:
            channel.ahead[event.offset] = event
        deliveries = self._drain(channel)
        if channel.ahead or event.offset > _offset(channel):
            self._due[channel.name] = None
        return deliveries

    def suspect_all(self) -> None:
        """Make every channel due, because hints may have been lost."""
        self._due.update(dict.fromkeys(self._channels))

    def take_reads(self, limit: int = 200) -> list[Read]:
        """Return about ``limit`` of the reads that due channels need; end them with ``apply`` or ``give_up``."""
        reads: dict[Read, None] = {}
        for name in list(self._due):
            if len(reads) >= limit:
                break
            del self._due[name]
            self._ask(self._channels[name], reads, limit)
        return list(reads)

    def _ask(self, channel: _Channel[M], reads: dict[Read, None], limit: int) -> None:
        channel.asked = None if channel.position is None else channel.position.offset
        if channel.asked is not None:
            reads[Read(channel.name, channel.asked, self.page)] = None
        for joiner in channel.joiners.values():
            read = self._history_read(channel.name, joiner)
            joiner.asked = read in reads or len(reads) < limit
            if joiner.asked:
                reads[read] = None
            else:
                self._due[channel.name] = None

    def _history_read(self, channel: str, joiner: _Joiner) -> Read:
        return Read(channel, HEAD if joiner.since is None else joiner.since.offset, self.history)

    def give_up(self, reads: Iterable[Read]) -> None:
        """Make the channels of ``reads`` due again: the database did not answer."""
        for read in reads:
            if read.channel in self._channels:
                self._due[read.channel] = None

    def apply(self, streams: Mapping[Read, Stream]) -> list[Deliver[M] | Joined[M] | Renewed[M]]:
        """Take the answers to the last ``take_reads`` and return what they mean for the members, in order.

        All answers about one channel must come from one snapshot, made after ``take_reads``.
        """
        answers: dict[str, dict[Read, Stream]] = {}
        for read, stream in streams.items():
            answers.setdefault(read.channel, {})[read] = stream
        actions: list[Deliver[M] | Joined[M] | Renewed[M]] = []
        for name, mine in answers.items():
            if channel := self._channels.get(name):
                actions += self._apply(channel, mine)
        return actions

    def _apply(
        self, channel: _Channel[M], streams: Mapping[Read, Stream]
    ) -> Iterable[Deliver[M] | Joined[M] | Renewed[M]]:
        if channel.position is None:
            channel.position = next(iter(streams.values())).position
        elif channel.asked is not None:
            read = Read(channel.name, channel.asked, self.page)
            yield from self._catch_up(channel, channel.asked, streams[read])
        yield from self._drain(channel)
        for member, joiner in list(channel.joiners.items()):
            if joiner.asked:
                yield from self._admit(channel, member, joiner, streams[self._history_read(channel.name, joiner)])
        if not channel.joiners:
            channel.recent.clear()

    def _catch_up(self, channel: _Channel[M], asked: int, stream: Stream) -> Iterable[Deliver[M] | Renewed[M]]:
        if channel.position == (None, 0) and stream.position.epoch is not None:
            channel.position = Position(stream.position.epoch, 0)
            yield Renewed(channel.name, channel.position, True, tuple(channel.members))
        broken = _epoch(channel) != stream.position.epoch or stream.position.offset < asked
        if not broken:
            for event in stream.events:
                if event.offset == _offset(channel) + 1:
                    yield self._pass_on(channel, event)
            page_full = len(stream.events) >= self.page
            broken = _offset(channel) < stream.position.offset and not (page_full and _offset(channel) > asked)
        if broken:
            yield self._reset(channel, stream.position)
        elif _offset(channel) < stream.position.offset:
            self._due[channel.name] = None

    def _reset(self, channel: _Channel[M], position: Position) -> Renewed[M]:
        if channel.ahead:
            self._due[channel.name] = None
        channel.position = position
        channel.ahead.clear()
        channel.floors.clear()
        channel.recent.clear()
        return Renewed(channel.name, position, False, tuple(channel.members))

    def _drain(self, channel: _Channel[M]) -> list[Deliver[M]]:
        deliveries = []
        while event := channel.ahead.pop(_offset(channel) + 1, None):
            deliveries.append(self._pass_on(channel, event))
        if channel.ahead:
            reached = _offset(channel)
            channel.ahead = {offset: event for offset, event in channel.ahead.items() if offset > reached}
        return deliveries

    def _pass_on(self, channel: _Channel[M], event: Event) -> Deliver[M]:
        channel.position = Position(event.epoch, event.offset)
        if channel.joiners:
            channel.recent.append(event)
            if len(channel.recent) > self.kept:
                channel.recent.popleft()
        if not channel.floors:
            return Deliver(event, tuple(channel.members))
        members = tuple(member for member in channel.members if channel.floors.get(member, 0) < event.offset)
        channel.floors = {member: floor for member, floor in channel.floors.items() if floor > event.offset}
        return Deliver(event, members)

    def _admit(
        self, channel: _Channel[M], member: M, joiner: _Joiner, stream: Stream
    ) -> Iterable[Deliver[M] | Joined[M]]:
        position, reached = stream.position, _offset(channel)
        missing = [event for event in channel.recent if event.offset > position.offset]
        if len(missing) < reached - position.offset:
            joiner.asked = False
            self._due[channel.name] = None
            return
        del channel.joiners[member]
        channel.members[member] = None
        if position.offset > reached:
            channel.floors[member] = position.offset
        recovered, events = self._recovery(joiner.since, stream)
        yield Joined(member, channel.name, position, recovered, events)
        for event in missing:
            yield Deliver(event, (member,))

    def _recovery(self, since: Position | None, stream: Stream) -> tuple[bool, tuple[Event, ...]]:
        if since is None or since.epoch not in (stream.position.epoch, None):
            return False, ()
        if since.epoch is None and since.offset:
            return False, ()
        missed = stream.position.offset - since.offset
        size = sum(len(event.frame) for event in stream.events)
        recovered = 0 <= missed <= self.history and len(stream.events) == missed and size <= self.history_bytes
        return (True, stream.events) if recovered else (False, ())


def _offset(channel: _Channel[M]) -> int:
    return 0 if channel.position is None else channel.position.offset


def _epoch(channel: _Channel[M]) -> str | None:
    return None if channel.position is None else channel.position.epoch
