from __future__ import annotations

import threading

import pytest

from marketcore.db.session import work
from marketcore.live.tickets import TicketService
from marketcore.testing.live import LiveClient


def redeem(room, text: str):
    with work(room.registry) as request:
        return request.find_service(TicketService).redeem(text)


def test_a_ticket_stands_for_its_user_and_session_once(room) -> None:
    user_id, session_id, _token = room.person()
    ticket = room.ticket(user_id, session_id)
    assert len(ticket) == 43
    assert redeem(room, ticket) == (user_id, session_id)
    assert redeem(room, ticket) is None


def test_only_a_hash_of_the_ticket_is_stored(room) -> None:
    user_id, session_id, _token = room.person()
    ticket = room.ticket(user_id, session_id)
    ((stored,),) = room.query("SELECT token_hash FROM live_tickets")
    assert len(stored) == 32
    assert ticket.encode() not in stored


def test_a_ticket_that_many_present_at_once_opens_one_socket(room) -> None:
    user_id, session_id, _token = room.person()
    ticket = room.ticket(user_id, session_id)
    barrier = threading.Barrier(6)
    answers = []

    def present() -> None:
        barrier.wait()
        answers.append(redeem(room, ticket))

    threads = [threading.Thread(target=present) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers, key=bool) == [None] * 5 + [(user_id, session_id)]


def test_a_ticket_lives_thirty_seconds(room) -> None:
    user_id, session_id, _token = room.person()
    early, late = room.ticket(user_id, session_id), room.ticket(user_id, session_id)
    for shift, ticket, expected in (("29 seconds", early, (user_id, session_id)), ("31 seconds", late, None)):
        name = room.registry["engine"].url.database
        room.query(f"ALTER DATABASE {name} SET marketcore.clock_shift = '{shift}'")
        room.registry["engine"].dispose()
        assert redeem(room, ticket) == expected


@pytest.mark.parametrize("text", ["", "x" * 43, "\x00", "\ud800", "ü" * 20])
def test_foreign_text_is_no_ticket(room, text) -> None:
    assert redeem(room, text) is None


def test_a_ticket_opens_a_socket_with_the_rights_of_its_user(room, live) -> None:
    user_id, session_id, _token = room.person(7)
    ticket = room.ticket(user_id, session_id)
    with LiveClient(live.url, ticket=ticket) as client:
        assert client.subscribe("order:7")["op"] == "subscribed"
    with LiveClient(live.url, ticket=ticket) as client:
        assert client.close_code() == 4401


def test_a_ticket_of_a_session_that_has_ended_meanwhile_opens_nothing(room, live) -> None:
    user_id, session_id, _token = room.person(7)
    ticket = room.ticket(user_id, session_id)
    room.query("UPDATE auth_sessions SET revoked_at = market_clock()")
    with LiveClient(live.url, ticket=ticket) as client:
        assert client.close_code() == 4401


def test_a_ticket_after_the_first_frame_is_refused(room, live) -> None:
    user_id, session_id, _token = room.person(7)
    with LiveClient(live.url) as client:
        client.ping()
        client.send(op="auth", ticket=room.ticket(user_id, session_id), id="late")
        error = client.receive()
        assert (error["id"], error["problem"]["status"]) == ("late", 409)
