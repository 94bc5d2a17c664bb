"""The hub against a model of the database: whatever happens to hints, every member hears exactly the stream."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from marketcore.live.hub import HEAD, CannotJoin, Deliver, Event, Hub, Joined, Position, Read, Renewed, Stream

CHANNELS = ("order:1", "order:2")
MEMBERS = tuple("abcd")
BUSY = st.sampled_from(["order:1", "order:1", "order:1", "order:2"])


class Database:
    """The truth: one stream per channel; ``pruned`` events are gone from the history."""

    def __init__(self) -> None:
        self.epochs: dict[str, str] = {}
        self.events: dict[str, list[Event]] = {name: [] for name in CHANNELS}
        self.pruned: dict[str, int] = dict.fromkeys(CHANNELS, 0)
        self.incarnation = 0

    def commit(self, channel: str) -> Event:
        if channel not in self.epochs:
            self.incarnation += 1
            self.epochs[channel] = f"epoch-{self.incarnation}"
        event = self._event(channel, len(self.events[channel]) + 1)
        self.events[channel].append(event)
        return event

    def _event(self, channel: str, offset: int) -> Event:
        epoch = self.epochs[channel]
        return Event(channel, epoch, offset, f"{channel} {epoch} {offset}".encode())

    def position(self, channel: str) -> Position:
        return Position(self.epochs.get(channel), len(self.events[channel]))

    def read(self, wish: Read) -> Stream:
        start = max(wish.after, self.pruned[wish.channel])
        events = [] if wish.after == HEAD else self.events[wish.channel][start : start + wish.limit]
        return Stream(self.position(wish.channel), tuple(events))

    def rotate(self, channel: str, keep: int) -> None:
        """A restored backup or an administrator's reset: another stream from now on."""
        self.events[channel] = self.events[channel][:keep]
        self.incarnation += 1
        self.epochs[channel] = f"epoch-{self.incarnation}"
        self.events[channel] = [self._event(channel, event.offset) for event in self.events[channel]]


class Listener:
    """What one member has heard of one channel since it joined."""

    def __init__(self, since: Position | None) -> None:
        self.since = since
        self.position: Position | None = None

    def take(self, event: Event) -> None:
        assert self.position is not None, "an event came before the member had joined"
        assert (event.epoch, event.offset) == (self.position.epoch, self.position.offset + 1)
        self.position = Position(event.epoch, event.offset)

    def joined(self, action: Joined[str]) -> None:
        assert self.position is None, "joined twice"
        if action.recovered:
            assert self.since is not None
            self.position = Position(action.position.epoch, self.since.offset)
            assert self.since.epoch in (action.position.epoch, None)
            for event in action.events:
                self.take(event)
            assert self.position.offset == action.position.offset
        else:
            assert action.events == ()
        self.position = action.position


class HubMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.database = Database()
        self.hub: Hub[str] = Hub(channels_per_member=2, history=6, page=3, kept=2)
        self.hints: list[Event] = []
        self.listeners: dict[tuple[str, str], Listener] = {}
        self.flight: list[Read] | None = None
        self.answers: dict[Read, Stream] | None = None

    @rule(channel=BUSY, hinted=st.sampled_from([True, True, False]))
    def commit(self, channel: str, hinted: bool) -> None:
        event = self.database.commit(channel)
        self.hints.append(event)
        if hinted:
            self.perform(self.hub.hint(event))

    @precondition(lambda self: self.hints)
    @rule(back=st.integers(1, 4))
    def some_recent_hint_arrives(self, back: int) -> None:
        self.perform(self.hub.hint(self.hints[-back:][0]))

    @rule(member=st.sampled_from(MEMBERS), channel=BUSY, back=st.integers(-1, 9))
    def join(self, member: str, channel: str, back: int) -> None:
        if (member, channel) in self.listeners:
            return
        epoch, head = self.database.position(channel)
        since = None if back < 0 else Position(epoch if head - back > 0 else None, max(0, head - back))
        self.hub.join(member, channel, since)
        self.listeners[member, channel] = Listener(since)

    @precondition(lambda self: self.flight is None and self.hub.due)
    @rule(limit=st.sampled_from([1, 2, 20, 20]), at_once=st.booleans())
    def start_reading(self, limit: int, at_once: bool) -> None:
        self.flight = self.hub.take_reads(limit)
        if at_once:
            self.snapshot()

    def snapshot(self) -> None:
        self.answers = {read: self.database.read(read) for read in self.flight or ()}

    @precondition(lambda self: self.flight is not None)
    @rule()
    def finish_reading(self) -> None:
        if self.answers is None:
            self.snapshot()
        self.perform(self.hub.apply(self.answers or {}))
        self.flight = self.answers = None

    @rule(kind=st.sampled_from(["poll", "fail", "leave", "forget", "prune", "rotate"]), data=st.data())
    def disturb(self, kind: str, data: st.DataObject) -> None:
        getattr(self, kind)(data.draw(st.sampled_from(MEMBERS)), data.draw(BUSY))

    def poll(self, _member: str, _channel: str) -> None:
        self.hub.suspect_all()

    def fail(self, _member: str, _channel: str) -> None:
        self.hub.give_up(self.flight or ())
        self.flight = self.answers = None

    def leave(self, member: str, channel: str) -> None:
        was_in = self.listeners.pop((member, channel), None) is not None
        assert self.hub.leave(member, channel) == was_in

    def forget(self, member: str, _channel: str) -> None:
        self.hub.forget(member)
        for channel in CHANNELS:
            self.listeners.pop((member, channel), None)

    def prune(self, _member: str, channel: str) -> None:
        self.database.pruned[channel] = len(self.database.events[channel])

    def rotate(self, _member: str, channel: str) -> None:
        if channel in self.database.epochs:
            self.database.rotate(channel, keep=1)
            self.database.pruned[channel] = 0

    def perform(self, actions: list) -> None:
        for action in actions:
            match action:
                case Deliver(event, members):
                    assert len(set(members)) == len(members)
                    for member in members:
                        self.listeners[member, event.channel].take(event)
                case Joined(member, channel):
                    self.listeners[member, channel].joined(action)
                case Renewed(channel, position, recovered, members):
                    for member in members:
                        listener = self.listeners[member, channel]
                        assert not recovered or (listener.position, position.offset) == (Position(None, 0), 0)
                        listener.position = position

    @invariant()
    def the_hub_knows_the_members(self) -> None:
        for member in MEMBERS:
            mine = tuple(sorted(channel for who, channel in self.listeners if who == member))
            assert self.hub.channels_of(member) == mine

    def teardown(self) -> None:
        if self.flight is not None:
            self.finish_reading()
        self.hub.suspect_all()
        rounds = 0
        while self.hub.due:
            rounds += 1
            assert rounds < 200, "the hub never comes to rest"
            self.flight = self.hub.take_reads()
            self.finish_reading()
        for (_member, channel), listener in self.listeners.items():
            assert listener.position == self.database.position(channel)


TestHub = HubMachine.TestCase
TestHub.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)


def _settle(hub: Hub[str], database: Database) -> list:
    actions: list = []
    while hub.due:
        actions += hub.apply({read: database.read(read) for read in hub.take_reads()})
    return actions


def test_hints_that_arrive_in_turn_need_no_read_at_all() -> None:
    hub: Hub[str] = Hub()
    database = Database()
    database.commit("order:1")
    hub.join("a", "order:1")
    _settle(hub, database)
    for _ in range(50):
        event = database.commit("order:1")
        assert hub.hint(event) == [Deliver(event, ("a",))]
        assert not hub.due


def test_hints_that_swap_places_are_passed_on_in_order_without_waiting_for_the_read() -> None:
    hub: Hub[str] = Hub()
    database = Database()
    database.commit("order:1")
    hub.join("a", "order:1")
    _settle(hub, database)
    first, second = database.commit("order:1"), database.commit("order:1")
    assert hub.hint(second) == []
    assert hub.due
    assert hub.hint(first) == [Deliver(first, ("a",)), Deliver(second, ("a",))]


def test_a_member_who_joins_a_busy_channel_is_admitted_by_its_first_read() -> None:
    hub: Hub[str] = Hub()
    database = Database()
    database.commit("order:1")
    hub.join("a", "order:1")
    _settle(hub, database)
    hub.join("b", "order:1")
    answers = {read: database.read(read) for read in hub.take_reads()}
    event = database.commit("order:1")
    assert hub.hint(event) == [Deliver(event, ("a",))]
    joined, delivery = hub.apply(answers)
    assert joined == Joined("b", "order:1", Position("epoch-1", 1), False, ())
    assert delivery == Deliver(event, ("b",))
    assert not hub.due


def test_a_member_waits_for_another_read_when_too_much_happened_during_the_first() -> None:
    hub: Hub[str] = Hub(kept=2)
    database = Database()
    database.commit("order:1")
    hub.join("a", "order:1")
    _settle(hub, database)
    hub.join("b", "order:1")
    answers = {read: database.read(read) for read in hub.take_reads()}
    for _ in range(3):
        hub.hint(database.commit("order:1"))
    assert hub.apply(answers) == []
    assert _settle(hub, database) == [Joined("b", "order:1", Position("epoch-1", 4), False, ())]


def test_a_stream_that_was_set_back_is_broken_off_even_under_its_old_epoch() -> None:
    hub: Hub[str] = Hub()
    database = Database()
    for _ in range(3):
        database.commit("order:1")
    hub.join("a", "order:1")
    _settle(hub, database)
    del database.events["order:1"][1:]
    hub.suspect_all()
    assert _settle(hub, database) == [Renewed("order:1", Position("epoch-1", 1), False, ("a",))]


@pytest.mark.parametrize(
    ("since", "recovered"),
    [
        (Position("epoch-1", 20), True),
        (Position("epoch-1", 14), True),
        (Position("epoch-1", 13), False),  # more than the history of 6
        (Position("epoch-1", 21), False),  # ahead of the stream: the database was set back
        (Position("elsewhere", 20), False),
        (Position(None, 20), False),
        (None, False),
    ],
)
def test_a_member_recovers_exactly_what_the_history_holds(since: Position | None, recovered: bool) -> None:
    hub: Hub[str] = Hub(history=6)
    database = Database()
    events = [database.commit("order:1") for _ in range(20)]
    hub.join("a", "order:1", since)
    (joined,) = _settle(hub, database)
    assert joined.recovered is recovered
    assert joined.position == Position("epoch-1", 20)
    assert joined.events == (tuple(events[since.offset :]) if recovered and since else ())


def test_more_bytes_than_a_member_may_be_given_at_once_are_not_recovered() -> None:
    hub: Hub[str] = Hub(history_bytes=30)
    database = Database()
    for _ in range(3):
        database.commit("order:1")
    hub.join("a", "order:1", Position("epoch-1", 1))
    (joined,) = _settle(hub, database)
    assert not joined.recovered


def test_a_channel_far_behind_catches_up_page_by_page() -> None:
    hub: Hub[str] = Hub(page=3)
    database = Database()
    hub.join("a", "order:1", Position(None, 0))
    _settle(hub, database)
    events = [database.commit("order:1") for _ in range(10)]
    hub.suspect_all()
    begun, *deliveries = _settle(hub, database)
    assert begun == Renewed("order:1", Position("epoch-1", 0), True, ("a",))
    assert deliveries == [Deliver(event, ("a",)) for event in events]


def test_membership_is_limited_and_single() -> None:
    hub: Hub[str] = Hub(channels_per_member=2)
    hub.join("a", "order:1")
    with pytest.raises(CannotJoin, match="already"):
        hub.join("a", "order:1")
    hub.join("a", "order:2")
    with pytest.raises(CannotJoin, match="2 channels"):
        hub.join("a", "order:3")
    hub.leave("a", "order:1")
    hub.join("a", "order:3")
    assert hub.channels_of("a") == ("order:2", "order:3")


def test_nothing_is_kept_of_channels_nobody_listens_to() -> None:
    hub: Hub[str] = Hub()
    hub.join("a", "order:1")
    hub.forget("a")
    assert not hub.due
    hub.suspect_all()
    assert hub.take_reads() == []
    assert hub.hint(Event("order:1", "e", 1, b"")) == []
