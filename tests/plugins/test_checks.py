"""What plugins may ask of those who log in, and of those who are about to do what matters."""

from __future__ import annotations

import uuid

from marketcore.identity.admission import AdmissionService
from marketcore.identity.sessions import Caller
from marketcore.testing.shop import PASSWORD, register

LOGIN, PASSWORD_CHANGE = "/api/v1/auth/login", "/api/v1/users/me/password"


def log_in(market, email, mood, password=PASSWORD):
    with market.client() as http:
        return http.post(LOGIN, json={"email": email, "password": password}, headers={"Mood": mood})


def names(market):
    return [name for (name,) in market.query("SELECT name FROM good_things WHERE keeper_id IS NOT NULL ORDER BY id")]


def test_a_check_holds_a_login_whose_password_is_right_and_keeps_what_it_wrote_if_it_says_so(plugin_path, make_market):
    plugin_path("good")
    market = make_market("good")
    ann = register(market, "buyer")["user"]
    assert log_in(market, ann["email"], "sad", "wrong password").status_code == 401
    assert names(market) == []
    held = log_in(market, ann["email"], "sad")
    assert (held.status_code, held.json()["type"]) == (403, "urn:marketcore:problem:too-sad")
    assert "X-Tm" not in held.headers
    assert log_in(market, ann["email"], "angry").status_code == 403
    assert names(market) == [f"tears of {ann['id']} by password"]
    assert market.query("SELECT count(*) FROM auth_sessions")[0][0] == 1
    assert log_in(market, ann["email"], "glad").status_code == 200


def test_whoever_has_passed_a_check_is_let_in_past_it_unless_the_password_has_changed(plugin_path, make_market):
    plugin_path("good")
    market = make_market("good")
    ann = register(market, "buyer")["user"]

    def come_back(request, change):
        request.headers["Mood"] = "sad"
        door = request.find_service(AdmissionService)
        login = door.login_of(ann["id"], "password", Caller("tests", "127.0.0.1"))
        if change:
            request.db.connection().exec_driver_sql("UPDATE users SET password_hash = 'another'")
        return door.let_in(login, passed=["good_mood"])

    pair = market.perform(come_back, change=False)
    with market.client(pair.access) as http:
        sessions = http.get("/api/v1/users/me/sessions").json()["items"]
    assert str(pair.session_id) in {session["id"] for session in sessions if session["current"]}
    assert market.perform(come_back, change=True) is None


def test_a_step_up_is_asked_for_before_anything_happens_and_the_same_request_succeeds_after_it(
    plugin_path, make_market
):
    plugin_path("good")
    market = make_market("good")
    access = register(market, "seller")["access"]
    body = {"current": PASSWORD, "new": "another long secret"}
    with market.client(access) as http:
        refused = http.post(PASSWORD_CHANGE, json=body)
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:marketcore:problem:step-up-needed")
        assert refused.json()["methods"] == ["smile"]
        assert http.post(PASSWORD_CHANGE, json={**body, "more": 1}).status_code == 422
        payout = {"destination_id": str(uuid.uuid4()), "amount": {"amount": "5.00", "currency": "KES"}}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        assert http.post("/api/v1/payouts", json=payout, headers=key).status_code == 403
        assert market.query("SELECT count(*) FROM idempotency_keys")[0][0] == 0
        assert http.post("/api/v1/payouts", json=payout, headers={**key, "Mood": "smiling"}).status_code == 404
        assert http.post(PASSWORD_CHANGE, json=body, headers={"Mood": "smiling"}).status_code == 204


def test_what_takes_a_step_up_is_where_money_goes_out_and_what_opens_the_account(make_market):
    market = make_market()
    views = [item["introspectable"] for item in market.registry.introspector.get_category("views")]
    asking = {(view["request_methods"], view["route_name"]) for view in views if view.get("step_up")}
    assert asking >= {
        ("POST", "payouts.payouts"),
        ("POST", "payouts.destinations"),
        ("DELETE", "payouts.destination"),
        ("POST", "payouts.destination.link"),
        ("POST", "users.me.password"),
    }
