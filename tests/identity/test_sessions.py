"""Sessions: continued by rotating tokens, ended at once and everywhere."""

from __future__ import annotations

import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from marketcore.events import SessionsRevoked
from marketcore.identity.jobs import forget_expired_sessions
from marketcore.testing.market import Market


def log_out(people, token):
    return people.call("POST", "/api/v1/auth/logout", token)


def change_password(people, token, current, new):
    return people.call("POST", "/api/v1/users/me/password", token, json={"current": current, "new": new})


def sessions_of(people, token, **query):
    return people.call("GET", "/api/v1/users/me/sessions", token, params=query)


@pytest.fixture
def ended(market):
    """The sessions that ended, as the after-commit door of events tells."""
    seen = []
    subscribers = market.registry["marketcore after-commit subscribers"]
    subscribers["of this test"] = (SessionsRevoked, lambda _registry, event: seen.extend(event.session_ids))
    return seen


def test_B1_logging_out_ends_both_tokens_at_once(people, ended):
    ann = people.register()
    elsewhere = people.log_in(ann.email)
    assert people.me(ann.access).status_code == 200
    answer = log_out(people, ann.access)
    assert (answer.status_code, answer.content) == (204, b"")
    assert people.me(ann.access).status_code == 401
    assert people.refresh(ann.refresh).status_code == 401
    assert log_out(people, ann.access).status_code == 401
    assert people.me(elsewhere["access"]).status_code == 200
    assert len(ended) == 1


@pytest.fixture
def two_processes(make_settings, quick):
    """Two marketplaces over one database, as two web processes are."""
    settings = make_settings(**quick)
    one, other = Market(settings), Market(settings)
    with one.serving(), other.serving():
        yield one, other
    one.close()
    other.close()


def test_a_session_ended_in_one_process_ends_in_every_other(two_processes, people_of, eventually):
    here, there = (people_of(market) for market in two_processes)
    ann = here.register()
    assert there.me(ann.access).status_code == 200
    log_out(here, ann.access)
    assert here.me(ann.access).status_code == 401
    eventually(lambda: there.me(ann.access).status_code == 401)
    assert there.refresh(ann.refresh).status_code == 401


REVISION = "SELECT number FROM identity_revision"


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ("UPDATE auth_sessions SET revoked_at = market_clock()", True),
        ("DELETE FROM auth_sessions", True),
        ("UPDATE users SET blocked_at = market_clock()", True),
        ("UPDATE users SET roles = ARRAY['buyer','seller']", True),
        ("UPDATE users SET first_name = 'Ann'", False),
        ("UPDATE auth_sessions SET expires_at = expires_at + interval '1 day'", False),
        ("UPDATE auth_sessions SET expires_at = expires_at - interval '1 second'", True),
    ],
)
def test_whoever_changes_rights_by_sql_need_not_tell_the_processes(market, people, change, counts):
    people.register()
    before = market.query(REVISION)
    market.query(change)
    assert (market.query(REVISION) != before) is counts


def test_a_process_believes_what_it_saw_for_a_second_at_most(two_processes, people_of, monkeypatch):
    here, there = two_processes
    ann = people_of(here).register()
    identities = there.registry["identities"]
    clock = time.monotonic()
    monkeypatch.setattr("marketcore.identity.identities.time.monotonic", lambda: clock)
    assert identities.authenticate(ann.access).user_id == ann.id
    here.query("UPDATE auth_sessions SET revoked_at = market_clock()")
    assert identities.authenticate(ann.access).user_id == ann.id
    clock += 1.0
    assert identities.authenticate(ann.access) is None


def test_whoever_is_remembered_is_forgotten_when_the_session_reaches_its_end(market, people, monkeypatch):
    ann = people.register()
    identities = market.registry["identities"]
    market.query("UPDATE auth_sessions SET expires_at = market_clock() + interval '1 minute'")
    assert identities.authenticate(ann.access).user_id == ann.id
    number = market.query(REVISION)
    market.travel("61 seconds")
    clock = time.monotonic() + 1.0
    monkeypatch.setattr("marketcore.identity.identities.time.monotonic", lambda: clock)
    assert identities.authenticate(ann.access) is None
    assert market.query(REVISION) == number, "nothing but time has passed"


def test_somebody_looked_up_while_a_session_ends_is_not_remembered(market, people, monkeypatch):
    ann = people.register()
    identities = market.registry["identities"]
    look_up = identities._look_up

    def overtaken(claims):
        found = look_up(claims)
        market.query("UPDATE auth_sessions SET revoked_at = market_clock()")
        identities.forget()
        return found

    monkeypatch.setattr(identities, "_look_up", overtaken)
    assert identities.authenticate(ann.access).user_id == ann.id
    monkeypatch.undo()
    assert identities.authenticate(ann.access) is None


def test_K1_refreshing_gives_new_tokens_of_the_same_session(market, people):
    ann = people.register()
    told = people.refresh(ann.refresh).json()
    assert set(told) == {"access", "refresh", "token_type", "expires_in"}
    assert told["refresh"] != ann.refresh
    assert people.me(told["access"]).json()["id"] == ann.id
    assert people.refresh(told["refresh"]).status_code == 200
    assert market.query("SELECT count(*) FROM auth_sessions")[0][0] == 1
    assert market.query("SELECT count(*) FROM auth_refresh_tokens WHERE used_at IS NOT NULL")[0][0] == 2


def test_refresh_tokens_are_stored_as_hashes_only(market, people):
    ann = people.register()
    stored = market.query("SELECT token_hash FROM auth_refresh_tokens")[0][0]
    assert len(bytes(stored)) == 32
    assert ann.refresh.encode() not in bytes(stored)


def test_two_tabs_that_refresh_at_once_stay_logged_in(people):
    token = people.register().refresh
    with ThreadPoolExecutor(2) as tabs:
        for race in range(50):
            start = threading.Barrier(2)

            def tab(given=token, start=start):
                start.wait()
                return people.refresh(given)

            answers = [future.result() for future in [tabs.submit(tab), tabs.submit(tab)]]
            assert [answer.status_code for answer in answers] == [200, 200]
            pairs = [answer.json() for answer in answers]
            assert pairs[0]["refresh"] != pairs[1]["refresh"]
            token = pairs[race % 2]["refresh"]
            assert people.me(pairs[1 - race % 2]["access"]).status_code == 200


def test_a_used_token_works_for_half_a_minute_and_no_longer(market, people, ended):
    ann = people.register()
    thief = ann.refresh
    newest = people.refresh(ann.refresh).json()
    market.travel("29 seconds")
    sibling = people.refresh(thief)
    assert sibling.status_code == 200
    assert people.me(sibling.json()["access"]).status_code == 200
    assert ended == []
    market.travel("60 seconds")
    stolen = people.refresh(thief)
    assert stolen.status_code == 401
    assert stolen.json()["type"] == "urn:marketcore:problem:not-authenticated"
    assert "X-Tm" not in stolen.headers
    assert people.me(newest["access"]).status_code == 401
    assert people.me(sibling.json()["access"]).status_code == 401
    assert people.refresh(newest["refresh"]).status_code == 401
    assert len(ended) == 1
    assert market.query("SELECT revoked_reason FROM auth_sessions")[0][0] == "refresh token reused"


def test_a_theft_ends_one_session_and_spares_the_others(market, people):
    ann = people.register()
    elsewhere = people.log_in(ann.email)
    people.refresh(ann.refresh)
    market.travel("31 seconds")
    assert people.refresh(ann.refresh).status_code == 401
    assert people.me(elsewhere["access"]).status_code == 200


def test_what_is_no_refresh_token_does_not_refresh(people):
    tokens = ["x", "a.b.c", "ключ", "A" * 43, " ", people.register().access]
    assert [people.refresh(token).status_code for token in tokens] == [401, 401, 401, 401, 422, 422]


def test_a_session_that_rests_too_long_is_over_and_one_in_use_is_not(market, people):
    resting, used = people.register(), people.register()
    market.travel("29 days")
    told = people.refresh(used.refresh).json()
    market.travel("31 days")
    assert people.refresh(resting.refresh).status_code == 401
    assert people.refresh(told["refresh"]).status_code == 200


def test_M16_a_new_password_ends_every_other_session(people, ended):
    ann = people.register()
    elsewhere = people.log_in(ann.email)
    assert change_password(people, ann.access, people.password, "another good secret").status_code == 204
    assert people.me(ann.access).status_code == 200
    assert people.refresh(ann.refresh).status_code == 200
    assert people.me(elsewhere["access"]).status_code == 401
    assert people.refresh(elsewhere["refresh"]).status_code == 401
    assert len(ended) == 1
    assert (
        people.call("POST", "/api/v1/auth/login", json={"email": ann.email, "password": people.password}).status_code
        == 401
    )
    people.log_in(ann.email, "another good secret")


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [("not the one", "another good secret", "current"), (None, "short", "new"), (None, "Password123", "new")],
)
def test_a_password_is_not_changed_without_the_old_one_or_to_a_weak_one(people, current, new, field):
    ann = people.register()
    answer = change_password(people, ann.access, current or people.password, new)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    people.log_in(ann.email)


def test_a_login_with_the_old_password_loses_against_the_change_that_overtakes_it(market, people, eventually):
    ann = people.register()
    body = {"email": ann.email, "password": people.password}
    with ThreadPoolExecutor(1) as pool, market.registry["engine"].connect() as connection:
        connection.exec_driver_sql("UPDATE users SET password_hash = 'changed'")
        login = pool.submit(people.call, "POST", "/api/v1/auth/login", json=body)
        waiting = """SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
                     WHERE NOT granted AND datname = current_database()"""
        eventually(lambda: market.query(waiting)[0][0] == 1)
        connection.commit()
        assert login.result().status_code == 401
    assert market.query("SELECT count(*) FROM auth_sessions")[0][0] == 1


def test_somebody_sees_where_they_are_logged_in_and_logs_out_there(people):
    ann, bob = people.register(), people.register()
    people.call(
        "POST",
        "/api/v1/auth/login",
        json={"email": ann.email, "password": people.password},
        headers={"User-Agent": "Kiosk/1.0 " + "x" * 300},
    )
    first = sessions_of(people, ann.access, limit=1).json()
    second = sessions_of(people, ann.access, limit=1, cursor=first["next"]).json()
    kiosk, own = first["items"][0], second["items"][0]
    assert second["next"] is None
    assert (kiosk["current"], own["current"]) == (False, True)
    assert kiosk["user_agent"].startswith("Kiosk/1.0")
    assert len(kiosk["user_agent"]) == 200
    assert kiosk["remote_addr"] == "127.0.0.1"
    path = f"/api/v1/users/me/sessions/{kiosk['id']}"
    assert people.call("DELETE", path, bob.access).status_code == 404
    assert people.call("DELETE", path, ann.access).status_code == 204
    assert people.call("DELETE", path, ann.access).status_code == 404
    assert [item["id"] for item in sessions_of(people, ann.access).json()["items"]] == [own["id"]]


def test_an_invented_cursor_or_session_is_refused(people):
    ann = people.register()
    assert sessions_of(people, ann.access, cursor="AAAA").status_code == 422
    assert people.call("DELETE", f"/api/v1/users/me/sessions/{uuid.uuid4()}", ann.access).status_code == 404
    assert people.call("DELETE", "/api/v1/users/me/sessions/1", ann.access).status_code == 404


def test_live_processes_are_told_whose_sockets_to_look_at(people, servers, eventually):
    ann = people.register()
    with Redis.from_url(servers[1]) as redis, redis.pubsub(ignore_subscribe_messages=True) as listening:
        listening.subscribe("marketcore:control")
        eventually(lambda: redis.pubsub_numsub("marketcore:control")[0][1] > 0)
        log_out(people, ann.access)
        hints = []

        def told():
            message = listening.get_message(timeout=0.1)
            hints.extend([json.loads(message["data"])] if message else [])
            return {"revoke": {"user_id": ann.id}} in hints

        eventually(told)


def test_a_session_ends_without_redis_too(make_market, people_of, quick):
    crowd = people_of(make_market(**{**quick, "marketcore__redis_url": "redis://127.0.0.1:9/0"}))
    ann = crowd.register()
    assert log_out(crowd, ann.access).status_code == 204
    assert crowd.me(ann.access).status_code == 401


def test_K8_sessions_that_expired_are_deleted_and_the_others_kept(market, people):
    people.register()
    market.travel("20 days")
    ann = people.register()
    told = people.refresh(ann.refresh).json()
    market.travel("31 days")
    market.perform(forget_expired_sessions)
    assert market.query("SELECT user_id FROM auth_sessions") == [(ann.id,)]
    assert market.query("SELECT count(*) FROM auth_refresh_tokens")[0][0] == 2
    assert people.refresh(told["refresh"]).status_code == 200
    market.travel("51 days")
    market.perform(forget_expired_sessions)
    assert market.query("SELECT count(*) FROM auth_sessions")[0][0] == 1
    assert market.query("SELECT count(*) FROM auth_refresh_tokens WHERE used_at IS NOT NULL")[0][0] == 1
