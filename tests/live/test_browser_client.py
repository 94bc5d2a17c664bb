"""A page in a real browser follows channels through everything that a network and a gateway can do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pyramid.response import Response

from marketcore.live.history import stream_position
from marketcore.settings import section
from marketcore.testing.interference import Interference
from marketcore.testing.live import LiveServer
from marketcore.testing.market import Market

PAGE = Path(__file__).with_name("live_page.html").read_text()
QUICK = {"retry": {"first": 50, "longest": 400}}


@pytest.fixture(scope="module")
def site(lasting_settings: dict[str, Any]) -> Iterator[Market]:
    """The web side of the marketplace: it serves the client and a page that uses it."""
    market = Market(lasting_settings)
    market.config.add_route("test.page", "/live-page")
    market.config.add_view(lambda request: Response(PAGE), route_name="test.page", permission="public")
    market.config.commit()
    with market.serving():
        yield market
    market.close()


@pytest.fixture(scope="module")
def room(site: Market, open_room: Callable[..., Any]) -> Iterator[Any]:
    """The live side, whose gateways let the site's pages in."""
    yield from open_room({**site.settings, "live.origins": site.url, "live.poll_seconds": "0.2", "live.port": "0"})


@pytest.fixture(scope="module")
def live(room) -> Iterator[LiveServer]:
    with LiveServer(room.registry) as server:
        yield server


@pytest.fixture
def network(live) -> Iterator[Interference]:
    with Interference(live.url) as between:
        yield between


@pytest.fixture
def channel(request, room) -> str:
    """A channel that no other test has used, with one event in it."""
    channel = f"public:{1000 + request.node.session.items.index(request.node)}"
    room.publish(channel, 0)
    return channel


def visit(page: Any, site: Market) -> None:
    page.goto(f"{site.url}/live-page")
    page.wait_for_function("window.ready")


@pytest.fixture
def visitor(page, site) -> Any:
    """A page that has imported the client."""
    visit(page, site)
    return page


def position(room, channel: str) -> dict[str, Any]:
    return room.perform(lambda request: stream_position(request.db, channel))


def connect(page: Any, url: str, **options: Any) -> None:
    page.evaluate("([url, options]) => connect(url, options)", [url, {**QUICK, **options}])


def listen(page: Any, channel: str, **options: Any) -> None:
    page.evaluate("([channel, options]) => listen(channel, options)", [channel, options])


def hears(page: Any, channel: str, last: int) -> list[int]:
    """Wait for the event at the offset ``last`` and return the offsets of all."""
    page.wait_for_function("([channel, last]) => offsets(channel).includes(last)", arg=[channel, last])
    return page.evaluate("(channel) => offsets(channel)", channel)


def statuses(page: Any) -> list[str]:
    return page.evaluate("() => statuses.map(([status]) => status)")


def test_a_page_hears_events_in_order_with_their_data_and_by_type(visitor, room, live, channel) -> None:
    connect(visitor, live.url)
    listen(visitor, channel, since=position(room, channel))
    visitor.evaluate("() => { window.typed = []; live.on('test.happened', (event) => typed.push(event.offset)); }")
    room.publish(channel, *range(1, 30))
    assert hears(visitor, channel, 30) == list(range(2, 31))
    assert visitor.evaluate("typed") == list(range(2, 31))
    event = visitor.evaluate("(channel) => heard[channel].events[0]", channel)
    assert (event["type"], event["data"], event["channel"]) == ("test.happened", {"number": 1}, channel)
    assert statuses(visitor) == ["connecting", "open"]


def test_a_page_hears_signals_between_the_events_of_its_channel(visitor, room, live, channel) -> None:
    connect(visitor, live.url)
    listen(visitor, channel, since=position(room, channel))
    room.publish(channel, 1)
    hears(visitor, channel, 2)
    room.perform(lambda request: request.signal(channel, "test.now", {"number": 7}))
    visitor.wait_for_function("(channel) => heard[channel].signals.length", arg=channel)
    room.publish(channel, 2)
    assert hears(visitor, channel, 3) == [2, 3]
    told = {"channel": channel, "type": "test.now", "data": {"number": 7}}
    assert visitor.evaluate("(channel) => heard[channel].signals", channel) == [told]


def test_a_page_hears_everything_once_though_the_gateway_is_killed_and_started_again(
    visitor, room, channel, monkeypatch
) -> None:
    with room.process() as process:
        connect(visitor, process.url)
        listen(visitor, channel, since=position(room, channel))
        room.publish(channel, *range(10))
        hears(visitor, channel, 11)
        process.kill()
        room.publish(channel, *range(10))
    monkeypatch.setitem(section(room.registry, "live"), "port", process.port)
    with LiveServer(room.registry):
        room.publish(channel, *range(10))
        assert hears(visitor, channel, 31) == list(range(2, 32))
    assert statuses(visitor)[:3] == ["connecting", "open", "waiting"]


def test_a_lost_frame_is_noticed_and_fetched_and_a_repeated_one_is_dropped(visitor, room, network, channel) -> None:
    connect(visitor, network.url)
    listen(visitor, channel, since=position(room, channel))
    room.publish(channel, 1)
    hears(visitor, channel, 2)
    network.copies = lambda frame: 0 if frame.get("offset") in {3, 4} else 1
    room.publish(channel, 2, 3, 4, 5)
    assert hears(visitor, channel, 6) == [2, 3, 4, 5, 6]
    network.copies = lambda _frame: 3
    room.publish(channel, 6, 7)
    assert hears(visitor, channel, 8) == [2, 3, 4, 5, 6, 7, 8]
    asked = [frame["since"]["offset"] for frame in network.sent if frame["op"] == "subscribe"]
    assert (asked, network.connections) == ([1, 2], 1)


@pytest.mark.parametrize("code", [1001, 4008])
def test_a_restarting_gateway_and_a_page_that_read_too_slowly_meet_again_at_once(
    visitor, room, network, channel, code
) -> None:
    connect(visitor, network.url, retry={"first": 600_000, "longest": 600_000})
    listen(visitor, channel, since=position(room, channel))
    visitor.wait_for_function("live.status === 'open'")
    network.cut(code)
    room.publish(channel, 1, 2, 3)
    assert hears(visitor, channel, 4) == [2, 3, 4]


def test_a_page_that_cannot_be_told_what_it_missed_loads_its_resource_and_goes_on(
    visitor, room, network, channel
) -> None:
    visitor.expose_function("load", lambda: {"id": 1, "stream": position(room, channel)})
    connect(visitor, network.url)
    visitor.evaluate("([channel, since]) => listen(channel, { since, load })", [channel, position(room, channel)])
    visitor.wait_for_function("live.status === 'open'")
    network.cut()
    room.query("DELETE FROM live_events WHERE channel = :c", c=channel)
    room.query("UPDATE live_channels SET epoch = gen_random_uuid(), last_offset = 70 WHERE name = :c", c=channel)
    visitor.wait_for_function("(channel) => heard[channel].lost > 0", arg=channel)
    room.publish(channel, 1, 2)
    assert hears(visitor, channel, 72) == [71, 72]
    assert visitor.evaluate("(channel) => heard[channel].lost", channel) == 1


def test_a_page_that_knows_nothing_yet_is_asked_to_load_and_tries_until_it_can(visitor, room, live, channel) -> None:
    answers = iter([None, position(room, channel)])

    def load() -> Any:
        if (answer := next(answers)) is None:
            raise ConnectionError("the web process restarts")
        return answer

    visitor.expose_function("load", load)
    connect(visitor, live.url)
    visitor.evaluate("(channel) => listen(channel, { load })", channel)
    visitor.wait_for_function("(channel) => heard[channel].lost === 2", arg=channel)
    room.publish(channel, 1)
    assert hears(visitor, channel, 2) == [2]


def test_a_refused_ticket_is_replaced_and_an_ended_session_ends_the_connection(visitor, room, network) -> None:
    user_id, session_id, _token = room.person(7)
    tickets = iter(["nonsense", room.ticket(user_id, session_id), None])
    visitor.expose_function("ticket", lambda: next(tickets))
    visitor.evaluate("(url) => connect(url, { ticket })", network.url)
    listen(visitor, "order:7", since={"epoch": None, "offset": 0})
    room.publish("order:7", 1)
    assert hears(visitor, "order:7", 1) == [1]
    room.query("UPDATE auth_sessions SET revoked_at = market_clock() WHERE id = :id", id=session_id)
    visitor.wait_for_function("live.status === 'closed'")
    assert network.connections == 2
    assert list(tickets) == []
    answer = visitor.evaluate("outcome(live.command('nothing'))")
    assert answer["unanswered"]["sent"] is False


def test_a_refused_ticket_is_never_shown_twice(visitor, network) -> None:
    visitor.evaluate("(url) => connect(url, { ticket: async () => 'stale' })", network.url)
    visitor.wait_for_function("live.status === 'closed'")
    assert [frame["op"] for frame in network.sent if frame["op"] == "auth"] == ["auth"]


def test_after_a_login_the_page_connects_again_and_keeps_its_channels(visitor, room, live, channel) -> None:
    visitor.evaluate("(url) => connect(url, { ticket: async () => window.ticket ?? 'stale' })", live.url)
    listen(visitor, channel, since=position(room, channel))
    visitor.wait_for_function("live.status === 'closed'")
    user_id, session_id, _token = room.person()
    visitor.evaluate("(ticket) => { window.ticket = ticket; live.reconnect(); }", room.ticket(user_id, session_id))
    room.publish(channel, 1)
    assert hears(visitor, channel, 2) == [2]


def test_a_channel_that_is_refused_is_given_up_and_the_others_are_not(visitor, room, network, channel) -> None:
    connect(visitor, network.url)
    listen(visitor, "order:8")
    listen(visitor, channel, since=position(room, channel))
    visitor.wait_for_function("heard['order:8'].refused?.status === 404")
    network.cut()
    room.publish(channel, 1)
    assert hears(visitor, channel, 2) == [2]
    asked = [frame["channel"] for frame in network.sent if frame["op"] == "subscribe"]
    assert asked.count("order:8") == 1
    assert visitor.evaluate("problems.map((problem) => problem.channel)") == ["order:8"]


def test_a_gateway_that_closes_every_connection_is_not_hammered(visitor, network) -> None:
    network.refusal = 1011
    connect(visitor, network.url, retry={"first": 40, "longest": 320})
    visitor.wait_for_function("statuses.filter(([status]) => status === 'connecting').length >= 7")
    moments = visitor.evaluate("statuses")
    pauses = [
        until - since for (one, since), (other, until) in pairwise(moments) if (one, other) == ("waiting", "connecting")
    ]
    least = [min(320, 40 * 2**n) / 2 for n in range(len(pauses))]
    assert all(pause >= floor - 2 for pause, floor in zip(pauses, least, strict=True)), pauses
    assert len(set(pauses)) > 1


def test_a_connection_that_died_without_a_word_is_noticed(visitor, room, network, channel) -> None:
    connect(visitor, network.url, idle=100, timeout=500)
    listen(visitor, channel, since=position(room, channel))
    visitor.wait_for_function("live.status === 'open'")
    network.copies = lambda _frame: 0 if network.connections == 1 else 1
    room.publish(channel, 1)
    assert hears(visitor, channel, 2) == [2]
    assert network.connections > 1


def test_a_page_with_many_channels_keeps_to_the_pace_of_the_gateway(visitor, room, live, channel) -> None:
    connect(visitor, live.url)
    names = [f"public:{number}" for number in range(5000, 5029)] + [channel]
    for name in names:
        listen(visitor, name, since={"epoch": None, "offset": 0})
    assert hears(visitor, channel, 1) == [1]
    assert statuses(visitor) == ["connecting", "open"]


def test_a_closed_subscription_is_silent_and_may_be_made_again(visitor, room, live, channel) -> None:
    connect(visitor, live.url)
    listen(visitor, channel, since=position(room, channel))
    room.publish(channel, 1)
    hears(visitor, channel, 2)
    with pytest.raises(Exception, match="close that subscription first"):
        listen(visitor, channel)
    kept = visitor.evaluate("(channel) => heard[channel].subscription.position", channel)
    visitor.evaluate("(channel) => { window.former = heard[channel]; former.subscription.close(); }", channel)
    room.publish(channel, 2)
    listen(visitor, channel, since=kept)
    assert hears(visitor, channel, 3) == [3]
    assert visitor.evaluate("former.events.length") == 1


def test_a_handler_that_fails_is_reported_and_disturbs_nobody(browser, site, room, live, channel) -> None:
    context = browser.new_context()
    page = context.new_page()
    visit(page, site)
    connect(page, live.url)
    page.evaluate("() => live.on('test.happened', () => { throw new Error('a fault of the page'); })")
    listen(page, channel, since=position(room, channel))
    with page.expect_event("pageerror") as fault:
        room.publish(channel, 1, 2)
        assert hears(page, channel, 3) == [2, 3]
    assert "a fault of the page" in str(fault.value)
    context.close()


def command(page: Any, name: str, **data: Any) -> Any:
    return page.evaluate("([name, data]) => outcome(live.command(name, data))", [name, data])


def test_a_page_begins_with_the_snapshot_and_gets_another_when_it_cannot_be_told_what_it_missed(
    visitor, room, network, request
) -> None:
    board = f"board:{1000 + request.node.session.items.index(request.node)}"
    room.publish(board, 1, 2)
    connect(visitor, network.url)
    listen(visitor, board)
    room.publish(board, 3)
    visitor.wait_for_function("(board) => heard[board].subscription.position?.offset === 3", arg=board)
    network.cut()
    room.query("DELETE FROM live_events WHERE channel = :c", c=board)
    room.query("UPDATE live_channels SET epoch = gen_random_uuid(), last_offset = 70 WHERE name = :c", c=board)
    visitor.wait_for_function("(board) => heard[board].snapshots.length === 2", arg=board)
    room.publish(board, 4)
    assert hears(visitor, board, 71)[-1] == 71
    (first, at), (second, then) = visitor.evaluate("(board) => heard[board].snapshots", board)
    assert (first["stream"], second["stream"]) == (at, then)
    assert (first["events"], second["events"]) == (at["offset"], 70)
    assert visitor.evaluate("(board) => heard[board].lost", board) == 0


def test_a_command_is_answered_and_a_refusal_is_the_problem_that_http_would_answer(visitor, live) -> None:
    connect(visitor, live.url)
    assert command(visitor, "test.write", number=5)["number"] == 5
    assert command(visitor, "test.write", number=13)["problem"]["status"] == 409
    assert command(visitor, "test.write", number="many")["problem"]["status"] == 422
    assert command(visitor, "test.trade", number=5)["problem"]["status"] == 401
    answers = visitor.evaluate("Promise.all([1, 2, 3].map((number) => live.command('test.write', { number })))")
    assert [answer["number"] for answer in answers] == [1, 2, 3]


def test_a_command_whose_answer_is_lost_with_the_connection_is_reported_and_not_sent_again(visitor, network) -> None:
    network.copies = lambda frame: 0 if frame["op"] == "reply" else 1
    connect(visitor, network.url)
    visitor.evaluate("() => { window.waiting = outcome(live.command('test.write', { number: 5 })); }")
    visitor.wait_for_function("live.status === 'open'")
    assert command(visitor, "test.write", number=13)["problem"]["status"] == 409
    network.cut()
    unanswered = visitor.evaluate("waiting")["unanswered"]
    assert unanswered["sent"] is True
    assert "may have been carried out" in unanswered["message"]
    network.copies = lambda _frame: 1
    assert command(visitor, "test.write", number=6)["number"] == 6
    assert [frame["data"]["number"] for frame in network.sent if frame["op"] == "command"] == [5, 13, 6]


def test_a_command_that_is_not_answered_in_time_is_reported(visitor, network) -> None:
    network.copies = lambda frame: 0 if frame["op"] == "reply" else 1
    connect(visitor, network.url)
    visitor.wait_for_function("live.status === 'open'")
    answer = visitor.evaluate("outcome(live.command('test.write', { number: 5 }, { timeout: 100 }))")
    assert answer["unanswered"]["sent"] is True


def test_a_command_that_finds_no_connection_in_time_was_not_sent(visitor, network) -> None:
    network.refusal = 1011
    connect(visitor, network.url)
    answer = visitor.evaluate("outcome(live.command('test.write', { number: 5 }, { timeout: 100 }))")
    network.refusal = None
    visitor.wait_for_function("live.status === 'open'")
    assert command(visitor, "test.write", number=6)["number"] == 6
    assert answer["unanswered"]["sent"] is False
    assert [frame["data"]["number"] for frame in network.sent if frame["op"] == "command"] == [6]
