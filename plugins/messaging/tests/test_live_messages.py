"""Conversations over sockets: at once, and nothing lost for those who come and go."""

from __future__ import annotations

import threading
import uuid

import pytest

from marketcore.live import client
from marketcore.live.client import LiveClient
from marketcore.testing.interference import Interference
from marketcore.testing.live import Refused


def draft(id, text, **more):
    return {"conversation_id": id, "client_id": str(uuid.uuid4()), "text": text, **more}


def test_B10_a_message_is_heard_at_once_by_both_on_the_conversations_own_address(town):
    one, other, id = town.friends()
    with one.socket(f"/ws/chat/{id}") as mine, other.socket(f"/ws/chat/{id}/") as theirs:
        begun = mine.answer("subscribed")
        assert begun["snapshot"] == one.conversation(id)
        assert theirs.answer("subscribed")["snapshot"]["with"]["id"] == one.id
        sent = mine.command("messaging.send", draft(id, "over the socket"))
        for socket in (mine, theirs):
            event = socket.next_event()
            assert (event["type"], event["data"]) == ("message.sent", sent)
        assert other.messages(id)["items"][0] == sent
        answer = one.say(id, "over HTTP")
        assert theirs.next_event()["data"] == answer


def test_B10_who_does_not_listen_to_the_conversation_gets_a_hint_on_their_own_channel(town):
    one, other, id = town.friends()
    with other.socket() as socket, one.socket() as sender:
        socket.subscribe(f"user:{other.id}")
        sender.subscribe(f"user:{one.id}")
        sent = one.say(id, "are you there?")
        event = socket.next_event()
        assert (event["type"], event["data"]) == (
            "message.received",
            {
                "conversation_id": id,
                "kind": "direct",
                "order_id": None,
                "message_id": sent["id"],
                "seq": 3,
                "sender": {"id": one.id, "username": one.name},
            },
        )
        other.say(id, "yes")
        assert sender.next_event()["data"]["seq"] == 4


def test_B10_a_client_whose_connection_keeps_breaking_hears_exactly_what_the_database_has(town, monkeypatch):
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.02)
    one, other, id = town.friends()
    heard, caught_up = [], threading.Semaphore(0)

    def write():
        for round in range(4):
            for number in range(10):
                (one, other)[number % 2].say(id, f"number {number} of {round}")
                if number == 4:
                    network.cut()
            assert caught_up.acquire(timeout=20)

    def ticket():
        return other.post("live/tickets")["ticket"]

    with Interference(town.live.url) as network, LiveClient(network.url, ticket=ticket, timeout=20) as program:
        program.subscribe(f"conversation:{id}")
        writer = threading.Thread(target=write)
        writer.start()
        while len(heard) < 40:
            heard.append(program.next_event()["data"])
            if len(heard) % 10 == 0:
                caught_up.release()
        writer.join(20)
        with pytest.raises(TimeoutError):
            program.next_event(0.05)
    written = other.messages(id, order="oldest", beyond=2, limit=100)["items"]
    assert heard == written
    rows = town.market.query(
        """SELECT CAST(data ->> 'id' AS bigint) FROM live_events WHERE channel = :channel AND type = 'message.sent'
           ORDER BY "offset" """,
        channel=f"conversation:{id}",
    )
    assert [row[0] for row in rows][2:] == [message["id"] for message in written]


def test_B10_a_client_that_comes_back_hears_what_it_missed_from_where_its_document_ends(town):
    one, other, id = town.friends()
    stream = other.conversation(id)["stream"]
    one.say(id, "while you were away")
    one.read(id, 2)
    with other.socket() as socket:
        begun = socket.subscribe(f"conversation:{id}", stream)
    assert begun["recovered"] is True
    assert [event["type"] for event in begun["events"]] == ["message.sent", "message.read"]
    assert begun["events"][0]["data"]["text"] == "while you were away"


def test_B10_a_command_sent_twice_writes_one_message_and_refusals_are_those_of_http(town):
    one, _other, id = town.friends()
    stranger = town.person()
    with one.socket() as socket, stranger.socket() as outside:
        message = draft(id, "once")
        assert socket.command("messaging.send", message) == socket.command("messaging.send", message)
        assert one.conversation(id)["last_seq"] == 3
        before = town.rows()
        for data, status in (
            ({**message, "text": "twice"}, 422),
            (draft(id, "a\x00b"), 422),
            (draft(10**17, "x"), 404),
        ):
            with pytest.raises(Refused) as refused:
                socket.command("messaging.send", data)
            assert refused.value.problem["status"] == status
        for name, data in (
            ("messaging.send", draft(id, "x")),
            ("messaging.typing", {"conversation_id": id}),
            ("messaging.read", {"conversation_id": id, "seq": 1}),
        ):
            with pytest.raises(Refused) as refused:
                outside.command(name, data)
            assert refused.value.problem["status"] == 404
        with pytest.raises(Refused) as refused:
            outside.subscribe(f"conversation:{id}")
        assert refused.value.problem["status"] == 404
        assert town.rows() == before


def test_B10_typing_is_seen_at_once_and_stored_nowhere(town):
    one, other, id = town.friends()
    with one.socket() as mine, other.socket() as theirs:
        theirs.subscribe(f"conversation:{id}")
        before = town.rows()
        assert mine.command("messaging.typing", {"conversation_id": id}) == {"conversation_id": id}
        assert theirs.next_signal() == {
            "op": "signal",
            "channel": f"conversation:{id}",
            "type": "typing",
            "data": {"conversation_id": id, "user_id": one.id},
        }
        assert town.rows() == before
        other.block(one)
        with pytest.raises(Refused) as refused:
            mine.command("messaging.typing", {"conversation_id": id})
        assert refused.value.problem["type"].endswith("not-reachable")


def test_K6_a_read_receipt_is_given_over_the_socket_too(town):
    one, other, id = town.friends()
    with one.socket() as mine, other.socket() as theirs:
        mine.subscribe(f"conversation:{id}")
        one.say(id, "third")
        assert mine.next_event()["type"] == "message.sent"
        mark = theirs.command("messaging.read", {"conversation_id": id, "seq": 3})
        assert mark == {"conversation_id": id, "seq": 3, "unread": 0}
        told = mine.next_event()
        assert (told["type"], told["data"]["seq"]) == ("message.read", 3)
        assert theirs.command("messaging.read", {"conversation_id": id, "seq": 2})["seq"] == 3


def test_M9_the_room_of_an_order_is_live_for_its_parties_and_for_nobody_else(town):
    seller, buyer, order = town.order()
    room = buyer.post(f"orders/{order}/conversation")["id"]
    with seller.socket() as socket, town.person("admin").socket() as admin:
        socket.subscribe(f"conversation:{room}")
        socket.subscribe(f"user:{seller.id}")
        buyer.say(room, "Is it on its way?")
        told = {event["type"]: event["data"] for event in (socket.next_event(), socket.next_event())}
        assert told["message.sent"]["text"] == "Is it on its way?"
        assert (told["message.received"]["order_id"], told["message.received"]["kind"]) == (order, "order")
        with pytest.raises(Refused):
            admin.subscribe(f"conversation:{room}")
