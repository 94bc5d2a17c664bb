"""Rights: what each role may do, and what a blocked account may not do any more."""

from __future__ import annotations

import pytest

DEEDS = ("buy", "sell", "talk", "look", "audit", "glance")


def deeds(people, token):
    return {deed: people.call("GET", f"/api/v1/trading_post/{deed}", token).status_code for deed in DEEDS}


def test_L1_every_role_has_its_own_rights_and_an_admin_has_nobody_elses(trading_post, people_of):
    people = people_of(trading_post)
    seen = {
        "nobody": deeds(people, None),
        "buyer": deeds(people, people.register(role="buyer").access),
        "seller": deeds(people, people.register(role="seller").access),
        "both": deeds(people, people.register(role="both").access),
        "admin": deeds(people, people.admin().access),
    }
    assert {who: tuple(statuses.values()) for who, statuses in seen.items()} == {
        #         buy  sell talk look audit glance
        "nobody": (401, 401, 401, 401, 401, 200),
        "buyer": (200, 403, 200, 200, 403, 200),
        "seller": (403, 200, 200, 200, 403, 200),
        "both": (200, 200, 200, 200, 403, 200),
        "admin": (403, 403, 200, 403, 200, 200),
    }


def test_M6_a_blocked_account_logs_in_again_and_reads_but_does_not_trade(trading_post, people_of):
    people = people_of(trading_post)
    ann = people.register(role="both")
    people.block(ann, "sold stolen goods")
    token = people.log_in(ann.email)["access"]
    assert deeds(people, token) == {"buy": 403, "sell": 403, "talk": 403, "look": 200, "audit": 403, "glance": 200}
    refusal = people.call("GET", "/api/v1/trading_post/buy", token).json()
    assert refusal["type"] == "urn:marketcore:problem:account-blocked"
    assert refusal["reason"] == "sold stolen goods"
    assert people.call("GET", "/api/v1/trading_post/audit", token).json()["type"].endswith(":forbidden")
    account = people.me(token).json()
    assert (account["blocked"], account["blocked_reason"]) == (True, "sold stolen goods")


def test_M1_unblocking_gives_the_rights_back_at_once(trading_post, people_of):
    people = people_of(trading_post)
    ann, admin = people.register(), people.admin()
    people.block(ann)
    token = people.log_in(ann.email)["access"]
    assert deeds(people, token)["buy"] == 403
    answer = people.call("POST", f"/api/v1/users/{ann.id}/unblock", admin.access)
    assert (answer.status_code, answer.json()["blocked"], answer.json()["blocked_reason"]) == (200, False, None)
    assert deeds(people, token)["buy"] == 200


def test_blocking_ends_every_session_at_once(people):
    ann = people.register()
    elsewhere = people.log_in(ann.email)
    assert people.me(ann.access).status_code == 200
    assert people.block(ann)["blocked"] is True
    for access, refresh in ((ann.access, ann.refresh), (elsewhere["access"], elsewhere["refresh"])):
        assert people.me(access).status_code == 401
        assert people.refresh(refresh).status_code == 401


def test_a_blocked_admin_is_no_admin(people):
    rogue, admin = people.admin(), people.admin()
    people.call("POST", f"/api/v1/users/{rogue.id}/block", admin.access, json={"reason": "gone"})
    token = people.log_in(rogue.email)["access"]
    answer = people.call("POST", f"/api/v1/users/{rogue.id}/unblock", token)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:marketcore:problem:account-blocked"
    assert people.call("GET", "/api/v1/users", token).status_code == 403


def test_only_an_admin_blocks_and_nobody_themselves(market, people):
    ann, bob, admin = people.register(role="both"), people.register(), people.admin()
    path = f"/api/v1/users/{bob.id}/block"
    body = {"reason": "because"}
    assert people.call("POST", path, json=body).status_code == 401
    assert people.call("POST", path, ann.access, json=body).status_code == 403
    assert people.call("POST", f"/api/v1/users/{bob.id}/unblock", ann.access).status_code == 403
    assert people.call("POST", f"/api/v1/users/{admin.id}/block", admin.access, json=body).status_code == 409
    assert people.call("POST", "/api/v1/users/999999/block", admin.access, json=body).status_code == 404
    assert people.call("POST", "/api/v1/users/999999/unblock", admin.access).status_code == 404
    assert market.query("SELECT count(*) FROM users WHERE blocked_at IS NOT NULL")[0][0] == 0


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "   "}, {"reason": "x" * 501}, {"reason": 1}], ids=str)
def test_blocking_needs_a_reason(market, people, body):
    ann, admin = people.register(), people.admin()
    answer = people.call("POST", f"/api/v1/users/{ann.id}/block", admin.access, json=body)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["reason"]
    assert people.me(ann.access).status_code == 200


def test_blocking_again_keeps_the_day_and_renews_the_reason(market, people):
    ann = people.register()
    people.block(ann, "first")
    since = market.query("SELECT blocked_at FROM users WHERE id = :id", id=ann.id)
    assert people.block(ann, "second")["blocked_reason"] == "second"
    assert market.query("SELECT blocked_at FROM users WHERE id = :id", id=ann.id) == since
