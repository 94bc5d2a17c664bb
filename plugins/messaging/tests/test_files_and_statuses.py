"""Files in conversations, statuses for a day, reminders, limits: what lies beside the messages."""

from __future__ import annotations

import io
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from marketcore.directives import table
from marketcore.testing.live import Refused
from marketcore.web.ratelimit import build_limits
from marketcore_messaging.services import Draft, MessageService

from .correspondents import PDF, picture


def fetch(who, address):
    return who.http.get(address)


def test_K6_a_picture_is_reencoded_and_shown_to_the_two_alone_and_its_message_tells_when_it_is_ready(town):
    one, other, id = town.friends()
    stranger, admin = town.person(), town.person("admin")
    uploaded = one.upload(id, picture())
    assert uploaded.status_code == 201, uploaded.text
    file = uploaded.json()
    assert (file["state"], file["url"], file["content_type"]) == ("processing", None, "image/webp")
    address = f"/api/v1/conversations/{id}/attachments/{file['id']}"
    assert fetch(other, address).status_code == 404
    assert fetch(one, address).status_code == 409
    with other.socket() as socket:
        socket.subscribe(f"conversation:{id}")
        sent = one.say(id, "", files=[file["id"]])
        assert sent["attachments"] == [file]
        assert socket.next_event()["data"] == sent
        town.work()
        told = socket.next_event()
    assert told["type"] == "message.attachment"
    ready = other.messages(id)["items"][0]["attachments"][0]
    assert told["data"] == {"conversation_id": id, "message_id": sent["id"], "seq": 3, "attachment": ready}
    assert (ready["state"], ready["url"], ready["thumb"]) == ("ready", address, f"{address}?variant=thumb")
    assert one.conversation(id)["last_message"]["attachments"] == [ready]
    for who in (one, other):
        for shown in (ready["url"], ready["thumb"]):
            answer = fetch(who, shown)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")
            assert answer.headers["Cache-Control"] == "private, no-store"
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert Image.open(io.BytesIO(answer.content)).size == (40, 30)
            assert b"Wanjiku" not in answer.content
    for who in (stranger, admin):
        assert fetch(who, address).status_code == 404
    assert town.market.client().get(address).status_code == 401
    elsewhere = one.start(stranger)["id"]
    assert fetch(one, f"/api/v1/conversations/{elsewhere}/attachments/{file['id']}").status_code == 404


def test_K6_a_pdf_is_sent_as_it_came_and_what_is_neither_is_refused(town):
    one, other, id = town.friends()
    before = town.rows()
    for data in (b"<html>", b"", b"%PDF-1.4 without an end", b"GIF89a" + b"\0" * 20, b"MZ" + PDF):
        assert one.upload(id, data).status_code == 422, data
    assert town.rows() == before
    file = one.upload(id, PDF).json()
    assert (file["state"], file["content_type"], file["thumb"]) == ("ready", "application/pdf", None)
    one.say(id, "the invoice", files=[file["id"]])
    answer = fetch(other, other.messages(id)["items"][0]["attachments"][0]["url"])
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, PDF, "application/pdf")


def test_K6_a_file_belongs_to_one_message_of_who_uploaded_it_in_the_conversation_it_was_uploaded_to(town):
    one, other, id = town.friends()
    third = town.person()
    elsewhere = one.start(third)["id"]
    file, also = (one.upload(id, PDF).json()["id"] for _ in range(2))
    before = town.rows()
    other.say(id, "mine now", files=[file], status=422)
    one.say(elsewhere, "here", files=[file], status=422)
    one.say(id, "one too many", files=[file, 10**17], status=422)
    assert town.rows() == before
    name = str(uuid.uuid4())
    sent = one.say(id, "both", files=[also, file, file], client_id=name)
    assert [found["id"] for found in sent["attachments"]] == sorted([file, also])
    assert one.say(id, "both", files=[file, also], client_id=name) == sent
    assert one.say(id, "both", files=[file], client_id=name, status=422)["type"].endswith("idempotency-mismatch")
    one.say(id, "again", files=[file], status=422)


def test_K6_a_deleted_message_takes_its_files_along_and_one_never_sent_is_swept(town):
    one, other, id = town.friends()
    store = town.market.registry["media_store"]
    sent, unsent = (one.upload(id, PDF).json()["id"] for _ in range(2))
    ((path,),) = town.market.query("SELECT variants ->> 'document' FROM media_objects WHERE id = :id", id=sent)
    message = one.say(id, "", files=[sent])
    address = message["attachments"][0]["url"]
    assert one.http.delete(f"/api/v1/conversations/{id}/messages/{message['id']}").status_code == 204
    assert fetch(other, address).status_code == 404
    assert store.get(path) is None
    assert other.messages(id)["items"][0]["attachments"] == []
    town.run("sweep")
    count = "SELECT count(*) FROM messaging_attachments JOIN media_objects ON id = media_id WHERE media_id = :id"
    assert town.market.query(count, id=unsent) == [(1,)]
    town.market.query(
        "UPDATE messaging_attachments SET created_at = market_clock() - interval '25 hours' WHERE media_id = :id",
        id=unsent,
    )
    town.run("sweep")
    assert town.market.query(count, id=unsent) == [(0,)]
    one.say(id, "too late", files=[unsent], status=422)


def test_B10_a_status_is_seen_by_contacts_who_know_each_other_for_a_day_of_the_databases_clock(town):
    one, other, _id = town.friends()
    follower, stranger = town.person(), town.person()
    follower.post("contacts", {"username": one.name})
    status = one.post("statuses", {"text": "Check out my new product!"})
    assert status["author"] == {"id": one.id, "username": one.name, "picture": None}
    assert other.get("statuses")["items"] == [status] == one.get("statuses", of="mine")["items"]
    assert other.get(f"statuses/{status['id']}") == status
    assert one.get("statuses")["items"] == []
    for who in (follower, stranger, town.person("admin")):
        assert who.get("statuses")["items"] == []
        assert who.http.get(f"/api/v1/statuses/{status['id']}").status_code == 404
        assert who.http.delete(f"/api/v1/statuses/{status['id']}").status_code == 404
    one.post("contacts", {"username": follower.name})
    assert follower.get("statuses")["items"] == [status]
    follower.block(one)
    assert follower.get("statuses")["items"] == []
    shift = "UPDATE messaging_statuses SET expires_at = expires_at - interval '1 day' WHERE id = :id"
    ((hours,),) = town.market.query(
        "SELECT extract(epoch FROM expires_at - created_at) / 3600 FROM messaging_statuses WHERE id = :id",
        id=status["id"],
    )
    assert hours == 24
    town.market.query(shift, id=status["id"])
    assert other.get("statuses")["items"] == []
    assert one.get("statuses", of="mine")["items"] == []
    assert other.http.get(f"/api/v1/statuses/{status['id']}").status_code == 404


def test_B10_a_status_may_have_a_picture_which_is_private_too_and_goes_with_it(town):
    one, other, _id = town.friends()
    stranger = town.person()
    status = one.post("statuses", {"text": "Look"})
    address = f"/api/v1/statuses/{status['id']}/image"
    assert fetch(one, address).status_code == 404
    upload = lambda who, data: who.http.post(address, files={"file": ("a", data)}).status_code  # noqa: E731
    assert [upload(other, picture()), upload(one, PDF), upload(one, picture()), upload(one, picture())] == [
        404,
        422,
        201,
        409,
    ]
    town.work()
    image = other.get("statuses")["items"][0]["image"]
    assert (image["state"], image["url"], image["thumb"]) == ("ready", address, f"{address}?variant=thumb")
    assert fetch(other, image["thumb"]).headers["Content-Type"] == "image/webp"
    assert fetch(stranger, address).status_code == 404
    posted = one.post("statuses", {"text": "Second"})
    town.market.query("UPDATE messaging_statuses SET expires_at = market_clock() WHERE id = :id", id=status["id"])
    town.run("sweep")
    assert town.market.query("SELECT count(*) FROM media_objects WHERE id = :id", id=image["id"]) == [(0,)]
    assert [item["id"] for item in one.get("statuses", of="mine")["items"]] == [posted["id"]]
    assert one.http.delete(f"/api/v1/statuses/{posted['id']}").status_code == 204
    for text in ("", "  ", "x" * 501, "a\x00"):
        assert one.post("statuses", {"text": text}, 422)["errors"].keys() == {"text"}


def notified(town, who):
    return town.market.query(
        "SELECT line, times, data FROM notifications WHERE user_id = :id AND type = 'message.unread'", id=who.id
    )


def pass_a_minute(town, id):
    town.market.query(
        "UPDATE messaging_members SET remind_at = remind_at - interval '1 minute' WHERE conversation_id = :id", id=id
    )
    town.run("remind_of_unread")


def test_M9_who_has_not_read_for_a_minute_is_notified_once_for_all_of_it(town):
    one, other, id = town.friends()
    town.run("remind_of_unread")
    assert notified(town, one) == []
    other.read(id, 1)
    one.read(id, 2)
    one.say(id, "third")
    one.say(id, "fourth")
    pass_a_minute(town, id)
    ((line, times, data),) = notified(town, other)
    assert (line, times) == (f"{one.name} has written to you: 2 unread", 1)
    assert data == {"conversation_id": id, "order_id": None, "sender": one.name, "unread": 2}
    assert notified(town, one) == []
    pass_a_minute(town, id)
    assert [row.times for row in notified(town, other)] == [1]
    one.say(id, "fifth")
    pass_a_minute(town, id)
    assert [(row.times, row.data["unread"]) for row in notified(town, other)] == [(2, 3)]
    letter = "SELECT digest, jsonb_array_length(items) FROM letters WHERE user_id = :id AND type = 'message.unread'"
    assert town.market.query(letter, id=other.id) == [(True, 2)]
    declared = table(town.market.registry, "notification types")["message.unread"]
    assert (declared.digest, declared.optional) == (True, True)
    written = town.market.registry["notification templates"].letter("message.unread", [data], {"name": "Achieng"})
    assert f"{one.name}: 2" in written.text


def test_M9_who_reads_in_time_and_who_is_spared_by_a_deletion_are_not_notified(town):
    one, other, id = town.friends()
    for who in (one, other):
        who.read(id, 2)
    message = one.say(id, "third")
    other.read(id, 3)
    pass_a_minute(town, id)
    message = one.say(id, "fourth")
    assert one.http.delete(f"/api/v1/conversations/{id}/messages/{message['id']}").status_code == 204
    pass_a_minute(town, id)
    assert notified(town, other) == []
    assert (
        town.market.query("SELECT 1 FROM messaging_members WHERE remind_at IS NOT NULL AND user_id = :id", id=other.id)
        == []
    )


def test_M9_a_message_that_is_being_written_while_an_older_one_is_read_is_still_reminded_of(town):
    one, other, id = town.friends()
    with ThreadPoolExecutor(1) as thread:
        with town.acting(one) as request:
            request.find_service(MessageService).send(Draft(id, uuid.uuid4(), "third"))
            reading = thread.submit(other.read, id, 1)
            town.await_waiting("messaging_members")
        assert reading.result(10)["seq"] == 1
    assert other.conversation(id)["unread"] == 1
    pass_a_minute(town, id)
    assert [row.data["unread"] for row in notified(town, other)] == [1]


def test_B10_other_systems_are_told_that_there_is_a_message_and_not_what_it_says(town):
    one, other, id = town.friends()
    hook = {"url": "https://93.184.215.14/hook", "event_types": ["message.received"]}
    other.post("webhook-endpoints", hook)
    sent = one.say(id, "a secret")
    ((body,),) = town.market.query(
        """SELECT convert_from(body, 'UTF8') FROM webhooks_messages WHERE type = 'message.received'
           ORDER BY id DESC LIMIT 1"""
    )
    assert str(sent["id"]) in body
    assert "a secret" not in body


def test_B10_finding_writing_and_beginning_are_limited_per_person(town, monkeypatch):
    one, other, id = town.friends()
    registry = town.market.registry
    limits = build_limits(registry, {f"messaging.{name}": "2/minute" for name in ("find", "send", "start", "status")})
    monkeypatch.setitem(registry, "messaging limits", limits)
    asked = (
        ("find", lambda who: who.http.get("/api/v1/people?q=ab")),
        ("start", lambda who: who.http.post("/api/v1/contacts", json={"username": other.name})),
        ("status", lambda who: who.http.post("/api/v1/statuses", json={"text": "x"})),
        ("send", lambda who: who.http.post(f"/api/v1/conversations/{id}/messages", json=message())),
    )
    for name, ask in asked:
        answers = [ask(one) for _ in range(4)]
        assert [answer.status_code == 429 for answer in answers] == [False, False, True, True], name
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert ask(other).status_code != 429, name
    with one.socket() as socket, pytest.raises(Refused) as refused:
        socket.command("messaging.send", {"conversation_id": id, **message()})
    assert refused.value.problem["status"] == 429


def message():
    return {"client_id": str(uuid.uuid4()), "text": "x"}
