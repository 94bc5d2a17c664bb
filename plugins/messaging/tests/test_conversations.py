"""Conversations of two, over HTTP."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from marketcore_messaging.people import PeopleService


def at_once(calls):
    """Make the calls at the same moment and return their answers."""
    gate = Barrier(len(calls))

    def run(call):
        gate.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(run, call) for call in calls]]


def test_B10_people_are_found_by_how_their_username_begins_and_shown_without_their_email(town):
    mark = uuid.uuid4().hex[:8]
    akoth, akinyi, seeker = (town.person(name=f"{mark}{name}") for name in ("Akoth", "Akinyi", "Amina"))
    town.market.query("UPDATE users SET blocked_at = market_clock() WHERE id = :id", id=town.person(name=f"{mark}b").id)
    found = seeker.get("people", q=f"{mark}AK")["items"]
    assert found == [
        {"id": akinyi.id, "username": akinyi.name, "picture": None},
        {"id": akoth.id, "username": akoth.name, "picture": None},
    ]
    assert [person["id"] for person in seeker.get("people", q=mark)["items"]] == [akinyi.id, akoth.id]
    assert len(seeker.get("people", q=mark, limit=1)["items"]) == 1
    assert seeker.get("people", q="zz-nobody")["items"] == []
    for q in ("a", "%%", "a b", "_" * 61, "ä" * 3):
        assert seeker.http.get("/api/v1/people", params={"q": q}).status_code == 422, q


def test_B10_a_conversation_is_started_by_username_and_there_is_one_per_pair_whoever_begins_at_once(town):
    one, other = town.person(), town.person()
    begun = at_once([lambda: one.start(other), lambda: other.start(one)] * 3)
    assert len({conversation["id"] for conversation in begun}) == 1
    assert one.start(other)["with"] == {"id": other.id, "username": other.name, "picture": None}
    assert town.market.query("SELECT count(*) FROM messaging_members WHERE user_id = :id", id=one.id) == [(1,)]
    assert one.post("conversations", {"username": other.name.upper()})["id"] == begun[0]["id"]


def test_B10_past_conversations_are_listed_newest_first_with_the_last_message_and_what_is_unread(town):
    me, *others = (town.person() for _ in range(4))
    ids = [me.start(other)["id"] for other in others]
    for other, id in zip(others, ids, strict=True):
        other.say(id, f"from {other.name}")
    others[0].say(ids[0], "and again")
    me.say(ids[1], "my answer")
    listed = me.get("conversations")["items"]
    assert [item["id"] for item in listed] == [ids[1], ids[0], ids[2]]
    assert [item["last_message"]["text"] for item in listed] == ["my answer", "and again", f"from {others[2].name}"]
    assert [item["unread"] for item in listed] == [1, 2, 1]
    first = me.get("conversations", limit=2)
    rest = me.get("conversations", limit=2, cursor=first["next"])
    assert [item["id"] for item in first["items"] + rest["items"]] == [ids[1], ids[0], ids[2]]
    assert rest["next"] is None
    assert me.get("conversations/unread") == {"messages": 4, "conversations": 3}


def test_B10_a_conversation_that_only_began_is_listed_to_nobody_but_its_beginner(town):
    one, other = town.person(), town.person()
    id = one.start(other)["id"]
    assert [item["id"] for item in one.get("conversations")["items"]] == [id]
    assert other.get("conversations")["items"] == []
    assert other.conversation(id)["last_message"] is None


def test_B10_every_message_is_read_again_over_rest_both_ways_page_by_page(town):
    one, other, id = town.friends()
    for number in range(3, 8):
        (one if number % 2 else other).say(id, f"number {number}")
    newest = one.messages(id, limit=3)
    assert [message["seq"] for message in newest["items"]] == [7, 6, 5]
    older = one.messages(id, limit=3, cursor=newest["next"])
    assert [message["seq"] for message in older["items"]] == [4, 3, 2]
    assert [message["seq"] for message in one.messages(id, order="newest", beyond=3)["items"]] == [2, 1]
    oldest = other.messages(id, order="oldest", limit=4)
    assert [message["seq"] for message in oldest["items"]] == [1, 2, 3, 4]
    rest = other.messages(id, order="oldest", limit=4, cursor=oldest["next"])
    assert ([message["seq"] for message in rest["items"]], rest["next"]) == ([5, 6, 7], None)
    assert [message["seq"] for message in other.messages(id, order="oldest", beyond=5)["items"]] == [6, 7]
    message = rest["items"][0]
    assert one.get(f"conversations/{id}/messages/{message['id']}") == message


def test_B10_a_message_sent_again_is_not_doubled_even_at_once(town):
    one, _other, id = town.friends()
    name = str(uuid.uuid4())
    sent = at_once([lambda: one.say(id, "once", client_id=name)] * 5)
    assert all(answer == sent[0] for answer in sent)
    assert one.say(id, "once", client_id=name.upper()) == sent[0]
    assert [message["text"] for message in one.messages(id)["items"]].count("once") == 1
    refused = one.say(id, "something else", client_id=name, status=422)
    assert refused["type"].endswith("idempotency-mismatch")
    assert one.conversation(id)["last_seq"] == 3


def test_B10_somebody_one_has_written_to_or_added_is_a_contact_until_removed(town):
    one, other, _id = town.friends()
    added = town.person()
    assert one.post("contacts", {"username": added.name})["id"] == added.id
    assert {contact["id"] for contact in one.get("contacts")["items"]} == {other.id, added.id}
    first = one.get("contacts", limit=1)
    names = [item["username"] for item in first["items"] + one.get("contacts", cursor=first["next"])["items"]]
    assert names == sorted([other.name, added.name])
    assert added.get("contacts")["items"] == []
    assert one.http.delete(f"/api/v1/contacts/{added.id}").status_code == 204
    assert one.http.delete(f"/api/v1/contacts/{added.id}").status_code == 404
    assert [contact["id"] for contact in one.get("contacts")["items"]] == [other.id]
    assert one.http.post("/api/v1/contacts", json={"username": one.name}).status_code == 422
    assert one.http.post("/api/v1/contacts", json={"username": "no.such.person"}).status_code == 404


def test_B10_what_may_not_be_written_is_refused_and_leaves_nothing(town):
    one, _other, id = town.friends()
    stranger = town.person()
    before = town.rows()
    fresh = lambda: str(uuid.uuid4())  # noqa: E731
    texts = ["", " \n ", "x" * 3001, "a\x00b", "a\x07b", "a\x1b[2J", "a\x85b", "a\u202eb", "\x7f"]
    for text in texts:
        assert one.say(id, text, status=422)["errors"].keys() == {"text"}, repr(text)
    for body in (
        {"text": "no name"},
        {"client_id": "7", "text": "no UUID"},
        {"client_id": fresh(), "text": 7},
        {"client_id": fresh(), "text": "x", "sender_id": stranger.id},
        {"client_id": fresh(), "text": "x", "attachments": [1, 2, 3, 4, 5, 6]},
        {"client_id": fresh(), "text": "x", "attachments": [10**17]},
    ):
        one.post(f"conversations/{id}/messages", body, 422)
    stranger.say(id, "let me in", status=404)
    one.say(10**17, "nowhere", status=404)
    one.post("conversations", {"username": one.name}, 422)
    one.post("conversations", {"username": "no.such.person"}, 404)
    for path in ("", "/messages", "/messages/1"):
        assert stranger.http.get(f"/api/v1/conversations/{id}{path}").status_code == 404
    stranger.read(id, 1, 404)
    assert stranger.upload(id, b"").status_code == 404
    assert town.rows() == before


def test_B10_lines_end_one_way_and_three_thousand_signs_of_any_script_are_carried(town):
    one, other, id = town.friends()
    assert one.say(id, "one\r\ntwo\rthree\tfour")["text"] == "one\ntwo\nthree\tfour"
    with other.socket() as socket:
        socket.subscribe(f"conversation:{id}")
        assert one.say(id, "𒀀" * 3000)["text"] == "𒀀" * 3000
        assert socket.next_event()["data"]["text"] == "𒀀" * 3000
    assert one.say(id, "مرحبا")["text"] == "مرحبا"


def test_B10_a_deleted_message_keeps_its_place_without_its_text(town):
    one, other, id = town.friends()
    message = one.say(id, "regretted")
    path = f"/api/v1/conversations/{id}/messages/{message['id']}"
    assert other.http.delete(path).status_code == 404
    with other.socket() as socket:
        socket.subscribe(f"conversation:{id}")
        assert [one.http.delete(path).status_code for _ in range(2)] == [204, 204]
        news = socket.next_event()
        assert news["type"] == "message.deleted"
        assert (news["data"]["message_id"], news["data"]["seq"]) == (message["id"], 3)
    left = other.messages(id)["items"][0]
    assert (left["seq"], left["text"], left["deleted"]) == (3, "", True)
    assert one.say(id, "regretted", client_id=message["client_id"])["deleted"] is True
    assert other.conversation(id)["unread"] == 1
    assert town.market.query("SELECT count(*) FROM messaging_messages WHERE body = 'regretted'") == [(0,)]


def test_B10_neither_side_of_a_block_can_write_and_neither_is_told_whose_it_is(town):
    one, other, id = town.friends()
    one.block(other)
    one.block(other)
    refusals = [one.say(id, "x", status=403), other.say(id, "x", status=403)]
    refusals += [who.post("conversations", {"username": whom.name}, 403) for who, whom in ((one, other), (other, one))]
    assert {(refusal["type"], refusal["detail"]) for refusal in refusals} == {
        (refusals[0]["type"], "you cannot write to this person")
    }
    assert refusals[0]["type"].endswith("not-reachable")
    assert other.upload(id, b"").status_code in (403, 422)
    assert (one.conversation(id)["blocked"], other.conversation(id)["blocked"]) == (True, False)
    assert [person["id"] for person in one.get("blocks")["items"]] == [other.id]
    assert other.get("blocks")["items"] == []
    assert len(other.messages(id)["items"]) == 2
    other.block(one)
    one.unblock(other)
    one.say(id, "x", status=403)
    other.unblock(one)
    one.say(id, "peace")
    assert one.http.put(f"/api/v1/blocks/{one.id}").status_code == 422
    assert one.http.put(f"/api/v1/blocks/{10**17}").status_code == 404
    assert one.http.delete(f"/api/v1/blocks/{other.id}").status_code == 404


def test_B10_after_a_block_not_even_a_message_comes_that_was_on_its_way(town):
    one, other, id = town.friends()
    body = {"client_id": str(uuid.uuid4()), "text": "wait for me"}
    with ThreadPoolExecutor(1) as thread:
        with town.acting(other) as request:
            request.find_service(PeopleService).block(one.id)
            late = thread.submit(one.http.post, f"/api/v1/conversations/{id}/messages", json=body)
            town.await_waiting("messaging_conversations")
        assert late.result(10).status_code == 403
    assert other.conversation(id)["last_seq"] == 2


def test_B10_a_blocked_account_reads_but_neither_writes_nor_posts(town):
    one, other, id = town.friends()
    admin = town.person("admin")
    assert admin.http.post(f"/api/v1/users/{one.id}/block", json={"reason": "spam"}).status_code == 200
    one = type(one)(town, one.name, [], id=one.id)
    assert len(one.messages(id)["items"]) == 2
    assert one.read(id, 2)["unread"] == 0
    assert one.say(id, "x", status=403)["type"].endswith("account-blocked")
    for path, body in (("conversations", {"username": other.name}), ("statuses", {"text": "still here"})):
        one.post(path, body, 403)


def test_B10_an_admin_reads_no_private_conversation(town):
    one, _other, id = town.friends()
    admin = town.person("admin", "buyer", "seller")
    message = one.messages(id)["items"][0]["id"]
    for path in ("", "/messages", f"/messages/{message}"):
        assert admin.http.get(f"/api/v1/conversations/{id}{path}").status_code == 404
    assert admin.get("conversations")["items"] == []
    with admin.socket() as socket:
        socket.send(op="subscribe", channel=f"conversation:{id}")
        assert socket.receive()["problem"]["status"] == 404


def test_M9_an_order_has_one_room_for_its_buyer_and_its_seller_alone_begun_on_first_use(town):
    seller, buyer, order = town.order()
    path = f"orders/{order}/conversation"
    assert seller.http.get(f"/api/v1/{path}").status_code == 404
    rooms = at_once([lambda: buyer.post(path), lambda: seller.post(path)] * 2)
    assert len({room["id"] for room in rooms}) == 1
    room = seller.get(path)
    assert (room["kind"], room["order_id"], room["with"]["id"]) == ("order", order, buyer.id)
    for stranger in (town.person("buyer", "seller"), town.person("admin")):
        assert stranger.http.post(f"/api/v1/{path}").status_code == 404
        assert stranger.http.get(f"/api/v1/{path}").status_code == 404
        stranger.say(room["id"], "x", status=404)
    direct = buyer.start(seller)
    assert direct["id"] != room["id"]
    buyer.say(room["id"], "When will it be sent?")
    assert seller.conversation(room["id"])["unread"] == 1
    assert seller.conversation(direct["id"])["unread"] == 0
    seller.block(buyer)
    buyer.say(direct["id"], "x", status=403)
    assert buyer.say(room["id"], "It arrived broken")["seq"] == 2
    assert seller.say(room["id"], "I refund it")["seq"] == 3


def test_M9_unread_counts_are_right_while_both_write_and_read_at_once(town):
    one, other, id = town.friends()

    def write(who, count):
        return [who.say(id, f"{n}")["seq"] for n in range(count)]

    def read():
        return [one.read(id, seq)["seq"] for seq in (1, 2, 1, 2)]

    mine, theirs, more, marks = at_once([lambda: write(one, 4), lambda: write(other, 5), lambda: write(other, 4), read])
    assert sorted(mine + theirs + more) == list(range(3, 16))
    assert marks == [1, 2, 2, 2]
    assert (one.conversation(id)["unread"], other.conversation(id)["unread"]) == (9, 5)
    middle = sorted(theirs + more)[4]
    assert one.read(id, middle)["unread"] == 4
    assert one.get("conversations/unread") == {"messages": 4, "conversations": 1}


def test_K6_read_receipts_are_told_and_never_go_back(town):
    one, other, id = town.friends()
    one.say(id, "third")
    with one.socket() as socket:
        socket.subscribe(f"conversation:{id}")
        assert other.read(id, 3) == {"conversation_id": id, "seq": 3, "unread": 0}
        told = socket.next_event()
        assert (told["type"], told["data"]["user_id"], told["data"]["seq"]) == ("message.read", other.id, 3)
        assert other.read(id, 1)["seq"] == 3
        assert other.read(id, 4, 422)["errors"].keys() == {"seq"}
        one.say(id, "fourth")
        assert socket.next_event()["type"] == "message.sent"
    seen = one.conversation(id)
    assert (seen["their_read_seq"], seen["read_seq"]) == (3, 0)
    assert seen["their_read_at"] == told["data"]["at"]
    at_once([lambda seq=seq: other.read(id, seq) for seq in (1, 4, 2, 3)])
    assert one.conversation(id)["their_read_seq"] == 4


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_B10_nobody_at_all_gets_nothing(town, method):
    http = town.market.client()
    for path in ("people?q=ab", "conversations", "conversations/1", "contacts", "blocks/1", "statuses/1"):
        assert getattr(http, method)(f"/api/v1/{path}").status_code in (401, 405), path
