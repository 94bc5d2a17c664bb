"""The chat: history, sending, deleting, slow mode, moderators and bans."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from marketcore.testing.live import Refused


def say(person, stream, body="hello"):
    return person.ok("POST", f"/livestreams/{stream['id']}/messages", {"body": body})


def test_S8_what_is_said_over_http_or_a_socket_is_heard_and_kept(studio):
    stream = studio.stream()
    address = f"/livestreams/{stream['id']}/messages"
    with studio.socket(studio.ann) as ann, studio.socket(studio.ben, f"/ws/stream/{stream['id']}") as ben:
        ben.answer("subscribed")
        first = ann.command("livestream.say", {"stream_id": stream["id"], "body": "how big?"})
        second = say(studio.seller, stream, "30 cm")
        assert [ben.next_event()["data"] for _ in "12"] == [first, second]
        with pytest.raises(Refused) as refused:
            ann.command("livestream.say", {"stream_id": stream["id"], "body": "  "})
        assert refused.value.problem["status"] == 422
    assert first["author"] == {"id": studio.ann.id, "username": studio.ann.username}
    newest = studio.guest.get(f"/api/v1{address}?limit=1").json()
    rest = studio.guest.get(f"/api/v1{address}?limit=1&cursor={newest['next']}").json()
    assert (newest["items"], rest["items"], rest["next"]) == ([second], [first], None)
    assert studio.ann.refused("POST", address, {"body": "x" * 501}) == (422, "invalid")
    assert studio.guest.post(f"/api/v1{address}", json={"body": "hi"}).status_code == 401
    studio.finish()
    assert studio.ann.refused("POST", address, {"body": "too late"}) == (409, "stream-not-live")


def test_S8_a_message_is_deleted_by_its_author_a_moderator_or_the_seller_and_nobody_else(studio):
    stream = studio.stream()
    address = f"/livestreams/{stream['id']}"
    studio.seller.ok("POST", f"{address}/moderators", {"user_id": studio.ben.id})
    messages = [say(studio.ann, stream, f"message {number}")["id"] for number in range(3)]
    for stranger in (studio.eve, studio.rival):
        assert stranger.refused("DELETE", f"{address}/messages/{messages[0]}") == (404, "not-found")
    with studio.socket(studio.eve) as eve:
        eve.subscribe(f"stream:{stream['id']}")
        for person, message in zip((studio.ann, studio.ben, studio.seller), messages, strict=True):
            person.ok("DELETE", f"{address}/messages/{message}")
            assert eve.next_event()["data"] == {"stream_id": stream["id"], "message_id": message}
            assert person.refused("DELETE", f"{address}/messages/{message}") == (404, "not-found")
    assert studio.guest.get(f"/api/v1{address}/messages").json()["items"] == []
    other = studio.stream(live=False)
    assert studio.seller.refused("DELETE", f"/livestreams/{other['id']}/messages/{messages[0]}")[0] == 404


def test_S8_slow_mode_lets_one_message_through_however_many_are_sent_at_once(studio):
    stream = studio.stream()
    address = f"/livestreams/{stream['id']}/messages"
    studio.seller.ok("PATCH", f"/livestreams/{stream['id']}", {"slow_mode_seconds": 600})

    def send(number):
        return studio.ann.http.post(f"/api/v1{address}", json={"body": str(number)})

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [429] * 5
    problem = next(answer.json() for answer in answers if answer.status_code == 429)
    assert problem["type"].endswith("slow-mode")
    assert 590 < problem["retry_after"] <= 600
    for _ in "12":
        say(studio.seller, stream)
    studio.market.query(
        "UPDATE livestream_guests SET spoke_at = spoke_at - interval '10 minutes' WHERE stream_id = :id",
        id=stream["id"],
    )
    say(studio.ann, stream)
    assert studio.ann.refused("POST", address, {"body": "again"}) == (429, "slow-mode")


def test_S8_a_banned_user_neither_speaks_nor_joins_and_hears_nothing_more_at_once(studio):
    stream = studio.stream()
    address, channel = f"/livestreams/{stream['id']}", f"stream:{stream['id']}"
    with studio.socket(studio.eve) as eve, studio.socket(studio.eve, f"/ws/stream/{stream['id']}") as plain:
        eve.subscribe(channel)
        plain.answer("subscribed")
        assert studio.ann.refused("POST", f"{address}/bans", {"user_id": studio.eve.id}) == (404, "not-found")
        studio.seller.ok("POST", f"{address}/bans", {"user_id": studio.eve.id})
        with pytest.raises(Refused) as lost:
            eve.answer("nothing but the news that the channel is lost")
        assert (lost.value.problem["status"], lost.value.problem["channel"]) == (404, channel)
        assert plain.close_code() == 4403
        with pytest.raises(Refused):
            eve.subscribe(channel)
        with pytest.raises(Refused) as refused:
            eve.command("livestream.say", {"stream_id": stream["id"], "body": "but"})
        assert refused.value.problem["type"].endswith("banned-from-stream")
        say(studio.ann, stream, "she is gone")
        eve.ping()
        assert not [event for event in eve._events if event["type"] == "chat.message"]
    for path, body in (("join", None), ("messages", {"body": "but"}), ("video_token", {})):
        assert studio.eve.refused("POST", f"{address}/{path}", body) == (403, "banned-from-stream")
    assert [one["user"]["id"] for one in studio.seller.ok("GET", f"{address}/bans")["items"]] == [studio.eve.id]
    studio.seller.ok("DELETE", f"{address}/bans/{studio.eve.id}")
    studio.eve.ok("POST", f"{address}/join")
    say(studio.eve, stream, "I am back")
    assert studio.seller.refused("DELETE", f"{address}/bans/{studio.eve.id}") == (404, "not-found")


def test_S8_moderators_are_appointed_by_the_seller_and_ban_guests_but_not_each_other(studio):
    stream = studio.stream()
    address = f"/livestreams/{stream['id']}"
    for person in (studio.ann, studio.ben):
        studio.seller.ok("POST", f"{address}/moderators", {"user_id": person.id})
    assert studio.ann.refused("POST", f"{address}/moderators", {"user_id": studio.eve.id}) == (404, "not-found")
    moderators = studio.ann.ok("GET", f"{address}/moderators")["items"]
    assert [one["user"]["id"] for one in moderators] == [studio.ann.id, studio.ben.id]
    for whom in (studio.ben, studio.seller, studio.ann):
        assert studio.ann.refused("POST", f"{address}/bans", {"user_id": whom.id}) == (409, "conflict")
    assert studio.ann.refused("POST", f"{address}/bans", {"user_id": 999_999}) == (404, "not-found")
    studio.ann.ok("POST", f"{address}/bans", {"user_id": studio.eve.id})
    assert studio.seller.refused("POST", f"{address}/moderators", {"user_id": studio.eve.id}) == (409, "conflict")
    studio.ann.ok("DELETE", f"{address}/bans/{studio.eve.id}")
    studio.seller.ok("POST", f"{address}/bans", {"user_id": studio.ben.id})
    studio.seller.ok("DELETE", f"{address}/moderators/{studio.ann.id}")
    for person in (studio.ann, studio.ben):
        assert person.refused("GET", f"{address}/bans") == (404, "not-found")
    assert studio.seller.refused("DELETE", f"{address}/moderators/{studio.ann.id}") == (404, "not-found")
