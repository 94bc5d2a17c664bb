"""What is proved by e-mail: that an address is one's own, and that a forgotten password may be replaced."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from pathlib import Path

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from marketcore.identity.jobs import forget_expired_sessions
from marketcore.jobs.running import run_waiting
from marketcore.settings import section
from marketcore.testing.contracts import at_once

VERIFICATION, VERIFY = "/api/v1/users/me/email-verification", "/api/v1/auth/verify-email"
RESET, CONFIRM = "/api/v1/auth/password-reset", "/api/v1/auth/password-reset/confirm"
NEW = "a brand new secret phrase"
TITLES = {VERIFY: "Confirm your e-mail address", CONFIRM: "Set a new password"}


@pytest.fixture
def post(market):
    """Return ``post(address)``: send what is due; the letters to ``address`` as (subject, text), the oldest first."""

    def post(address):
        run_waiting(market.registry)
        folder = Path(section(market.registry, "marketcore")["data_dir"]) / "mail"
        files = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        read = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
        return [(one["Subject"], one.get_body(("plain",)).get_content()) for one in read if one["To"] == address]

    return post


@pytest.fixture
def codes(post):
    """Return ``codes(address, use)``: the codes in the letters to ``address`` that are good at ``use``."""

    def codes(address, use=VERIFY):
        return [
            re.search(r"^([A-Za-z0-9_-]{43})$", text, re.M)[1]
            for subject, text in post(address)
            if subject == TITLES[use]
        ]

    return codes


def send(people, path, access=None, /, **body):
    return people.call("POST", path, access, json=body) if body else people.call("POST", path, access)


def verified(people, person):
    return people.me(person.access).json()["email_verified"]


def test_K1_a_new_member_confirms_the_address_with_the_letter_that_came(people, codes):
    ann = people.register(first_name="Ann")
    assert verified(people, ann) is False
    (code,) = codes(ann.email)
    assert send(people, VERIFY, token=code).status_code == 204
    assert verified(people, ann) is True


def test_K1_a_proof_is_good_once(people, codes):
    ann = people.register()
    (code,) = codes(ann.email)
    answers = at_once([lambda: send(people, VERIFY, token=code)] * 4)
    assert sorted(answer.status_code for answer in answers) == [204, 422, 422, 422]
    again = send(people, VERIFY, token=code).json()
    assert again["errors"] == {"token": "is unknown, used or too old: ask for another letter"}


def test_K1_another_letter_comes_for_the_asking_and_both_are_good(people, codes):
    ann = people.register()
    assert send(people, VERIFICATION, ann.access).status_code == 202
    first, second = codes(ann.email)
    assert first != second
    assert send(people, VERIFY, token=first).status_code == 204
    assert send(people, VERIFICATION, ann.access).status_code == 409
    assert len(codes(ann.email)) == 2


def test_K1_letters_are_counted_by_account(people, codes):
    ann, ben = people.register(), people.register()
    answers = [send(people, VERIFICATION, ann.access) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202] * 4 + [429]
    assert answers[-1].headers["Retry-After"] == "3600"
    assert send(people, VERIFICATION, ben.access).status_code == 202
    assert len(codes(ann.email)) == 5


def test_K1_a_proof_ends_with_its_time(market, people, codes):
    ann = people.register()
    (code,) = codes(ann.email)
    market.travel("47 hours 59 minutes")
    assert market.query("SELECT 1 FROM email_tokens WHERE expires_at > market_clock()")
    market.travel("48 hours 1 minute")
    assert send(people, VERIFY, token=code).status_code == 422
    market.query("UPDATE email_tokens SET expires_at = market_clock() - interval '2 days'")
    market.perform(forget_expired_sessions)
    assert market.query("SELECT * FROM email_tokens") == []


@pytest.mark.parametrize("token", ["x", "A" * 43, "' OR 1=1 --", "A" * 200])
@pytest.mark.parametrize("path", [VERIFY, CONFIRM])
def test_K1_made_up_proofs_are_refused(people, path, token):
    body = {"token": token} if path == VERIFY else {"token": token, "password": NEW}
    answer = send(people, path, **body)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["token"])


def test_K1_neither_the_table_nor_a_waiting_letter_nor_the_log_holds_what_lets_somebody_in(market, people, codes):
    with capture_logs() as logs:
        ann = people.register()
        send(people, RESET, email=ann.email)
        waiting = str(market.query("SELECT * FROM letters")) + str(market.query("SELECT * FROM jobs"))
        (verify,), (reset,) = codes(ann.email), codes(ann.email, CONFIRM)
        send(people, CONFIRM, token=reset, password=NEW)
    rows = str(market.query("SELECT * FROM letters")) + str(market.query("SELECT * FROM email_tokens"))
    for code in (verify, reset):
        assert code not in waiting + rows + str(logs)
    hashes = {row.token_hash for row in market.query("SELECT token_hash FROM email_tokens")}
    assert hashes == {hashlib.sha256(code.encode()).digest() for code in (verify, reset)}


def test_M16_a_forgotten_password_is_replaced_and_ends_every_session(people, codes, post):
    ann = people.register()
    assert send(people, RESET, email=ann.email.upper()).status_code == 202
    (code,) = codes(ann.email, CONFIRM)
    assert send(people, CONFIRM, token=code, password=NEW).status_code == 204
    assert people.me(ann.access).status_code == 401
    assert people.refresh(ann.refresh).status_code == 401
    old = people.call("POST", "/api/v1/auth/login", json={"email": ann.email, "password": people.password})
    assert old.status_code == 401
    again = people.log_in(ann.email, NEW)
    assert people.me(again["access"]).json()["email_verified"] is True, "whoever reads the letter has the address"
    assert [subject for subject, _text in post(ann.email)][-1] == "Your password was changed"


def test_M16_one_reset_makes_all_other_letters_worthless(people, codes):
    ann = people.register()
    for _ in range(2):
        send(people, RESET, email=ann.email)
    first, second = codes(ann.email, CONFIRM)
    assert send(people, CONFIRM, token=first, password=NEW).status_code == 204
    for code in (first, second):
        assert send(people, CONFIRM, token=code, password="yet another phrase").status_code == 422
    people.log_in(ann.email, NEW)


def test_M16_two_that_redeem_letters_of_one_account_together_set_one_password(people, codes):
    ann = people.register()
    for _ in range(2):
        send(people, RESET, email=ann.email)
    tokens = codes(ann.email, CONFIRM)
    wishes = [lambda t=t, n=n: send(people, CONFIRM, token=t, password=f"{NEW} {n}") for n, t in enumerate(tokens)]
    answers = at_once(wishes)
    assert sorted(answer.status_code for answer in answers) == [204, 422]
    won = next(number for number, answer in enumerate(answers) if answer.status_code == 204)
    people.log_in(ann.email, f"{NEW} {won}")


def test_M16_an_unfit_password_leaves_the_letter_good(people, codes):
    ann = people.register()
    send(people, RESET, email=ann.email)
    (code,) = codes(ann.email, CONFIRM)
    for unfit in ("password123", ann.email):
        answer = send(people, CONFIRM, token=code, password=unfit)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["password"])
    assert people.me(ann.access).status_code == 200
    assert send(people, CONFIRM, token=code, password=NEW).status_code == 204


def test_M16_a_letter_of_one_kind_is_no_good_for_the_other(people, codes):
    ann = people.register()
    send(people, RESET, email=ann.email)
    (verify,), (reset,) = codes(ann.email), codes(ann.email, CONFIRM)
    assert send(people, CONFIRM, token=verify, password=NEW).status_code == 422
    assert send(people, VERIFY, token=reset).status_code == 422


def test_M16_an_address_without_an_account_gets_the_same_answer_the_same_work_and_no_letter(market, people, post):
    ann = people.register()
    said = {}
    for address in (ann.email, "nobody@example.com"):
        statements = said[address] = []
        market.registry["job caller"].settle()
        note = lambda *given, kept=statements: kept.append(given[2])  # noqa: E731
        event.listen(market.registry["engine"], "before_cursor_execute", note)
        answer = send(people, RESET, email=address)
        market.registry["job caller"].settle()
        event.remove(market.registry["engine"], "before_cursor_execute", note)
        statements[:] = [one for one in statements if "pg_notify" not in one]  # another thread's
        said[address] = (answer.status_code, answer.content, dict(answer.headers).keys(), statements)
    assert said[ann.email] == said["nobody@example.com"]
    assert said[ann.email][0] == 202
    assert post("nobody@example.com") == []
    assert market.query("SELECT DISTINCT user_id FROM email_tokens") == [(ann.id,)]


def test_M16_nobody_is_buried_under_letters(people, codes):
    ann = people.register()
    assert [send(people, RESET, email=ann.email).status_code for _ in range(8)] == [202] * 8
    assert len(codes(ann.email, CONFIRM)) == 5


def test_M16_a_blocked_account_may_set_a_new_password_and_stays_blocked(people, codes):
    ann = people.register()
    people.block(ann)
    send(people, RESET, email=ann.email)
    (code,) = codes(ann.email, CONFIRM)
    assert send(people, CONFIRM, token=code, password=NEW).status_code == 204
    assert people.me(people.log_in(ann.email, NEW)["access"]).json()["blocked"] is True


def test_M16_what_is_asked_of_callers_is_limited_by_address_too(make_market, people_of, quick):
    people = people_of(make_market(**{**quick, "web__rate_limit__login": "3/minute"}))
    asked = [send(people, RESET, email="nobody@example.com").status_code for _ in range(4)]
    assert asked == [202] * 3 + [429]


def test_M16_a_changed_password_is_told_to_its_owner(people, post):
    ann = people.register()
    body = {"current": people.password, "new": NEW}
    assert people.call("POST", "/api/v1/users/me/password", ann.access, json=body).status_code == 204
    assert [subject for subject, _text in post(ann.email)][-1] == "Your password was changed"
    told = people.call("GET", "/api/v1/users/me/notifications", ann.access).json()["items"]
    assert [item["type"] for item in told] == ["account.password_changed"]


def test_K1_a_marketplace_may_do_without_letters_to_new_members(make_market, people_of, quick):
    market = make_market(**quick, identity__verify_email="false")
    ann = people_of(market).register()
    assert market.query("SELECT * FROM email_tokens") == []
    assert send(people_of(market), VERIFICATION, ann.access).status_code == 202


def test_K1_where_only_confirmed_members_may_trade_the_others_read_until_they_confirm(make_market, people_of, quick):
    market = make_market(**quick, identity__require_verified_email="true")
    people = people_of(market)
    ann = people.register(role="seller")
    product = {"title": "Kiondo basket"}
    refused = people.call("POST", "/api/v1/products", ann.access, json=product)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (403, "email-unverified")
    assert "POST /api/v1/users/me/email-verification" in refused.json()["detail"]
    assert people.me(ann.access).status_code == 200
    run_waiting(market.registry)
    (file,) = (Path(section(market.registry, "marketcore")["data_dir"]) / "mail").iterdir()
    letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    code = re.search(r"^([A-Za-z0-9_-]{43})$", letter.get_body(("plain",)).get_content(), re.M)[1]
    assert send(people, VERIFY, token=code).status_code == 204
    assert people.call("POST", "/api/v1/products", ann.access, json=product).status_code == 201


def test_K1_whom_an_operator_registers_is_vouched_for(people):
    assert people.me(people.admin().access).json()["email_verified"] is True
