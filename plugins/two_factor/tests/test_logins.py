"""The second step of a login: what it takes, and what guessing meets."""

from __future__ import annotations

import secrets

import pytest

from marketcore.testing.contracts import at_once

from .people import LOGIN, OWN, PASSWORD, SECOND, Person


def kind(answer):
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_K8_an_authenticator_app_is_set_up_and_asked_for_at_login(town, ann):
    assert ann.log_in().status_code == 200
    elsewhere = ann.access
    assert ann.log_in().status_code == 200
    begun = ann.post("/totp", {"password": PASSWORD}).json()
    assert begun["uri"].startswith("otpauth://totp/")
    assert begun["secret"] in begun["uri"]
    assert ann.log_in().status_code == 200  # until it is confirmed
    ann.secret = begun["secret"]
    codes = ann.post("/totp/confirmation", {"code": ann.app_code(-1)}).json()["recovery_codes"]
    assert len(set(codes)) == 10
    assert town.ask("GET", OWN, elsewhere).status_code == 401
    own = ann.ask("GET", OWN).json()
    assert (own["enabled"], own["methods"], own["recovery_codes_left"]) == (True, ["totp", "recovery_code"], 10)
    assert begun["secret"] not in ann.ask("GET", OWN).text
    stored = bytes(town.market.query("SELECT secret FROM two_factor_factors WHERE user_id = :id", id=ann.id)[0][0])
    assert begun["secret"].encode() not in stored

    held = ann.log_in()
    told = held.json()["second_factor"]
    assert kind(held) == (403, "second-factor-needed")
    assert (told["methods"], told["expires_in"]) == (["totp", "recovery_code"], 600)
    assert "access" not in held.text
    assert kind(ann.finish(told["challenge"], "totp", ann.app_code(-1))) == (422, "wrong-code")  # used to set it up
    code = ann.app_code()
    done = ann.finish(told["challenge"], "totp", f"{code[:3]} {code[3:]}")
    assert set(done.json()) == {"access", "refresh", "token_type", "expires_in"}
    assert ann.ask("GET", OWN).json()["proved_until"] is not None
    assert town.ask("POST", "/api/v1/auth/refresh", body={"refresh": done.json()["refresh"]}).status_code == 200
    assert kind(ann.finish(told["challenge"], "totp", ann.app_code(1))) == (401, "challenge-over")
    assert kind(ann.finish(ann.challenge(), "totp", code)) == (422, "wrong-code")
    assert [s for s, _t in town.letters(ann.email)] == ["A second factor was set up"]


def test_K8_six_digits_come_by_email_and_can_be_used_once_and_for_ten_minutes(town, ann, log_output):
    assert ann.post("/code").status_code == 202
    (first,) = ann.codes()
    assert kind(ann.post("/email", {"password": "not the password", "code": first})) == (422, "invalid")
    assert len(ann.post("/email", {"password": PASSWORD, "code": first}).json()["recovery_codes"]) == 10

    challenge = ann.challenge()
    assert town.ask("POST", f"{SECOND}/code", body={"challenge": challenge}).status_code == 202
    code = ann.codes()[-1]
    assert code != first
    assert kind(ann.finish(challenge, "email", first)) == (422, "wrong-code")
    assert kind(ann.finish(challenge, "totp", code)) == (422, "invalid")
    assert ann.finish(challenge, "email", code).status_code == 200
    assert kind(ann.finish(ann.challenge(), "email", code)) == (422, "wrong-code")

    assert town.ask("POST", f"{SECOND}/code", body={"challenge": ann.challenge()}).status_code == 202
    last = ann.codes()[-1]
    rows = town.market.query("SELECT CAST(c AS text) FROM two_factor_email_codes c WHERE user_id = :id", id=ann.id)
    letters = town.market.query("SELECT CAST(items AS text) FROM letters WHERE user_id = :id", id=ann.id)
    assert not [row for (row,) in (*rows, *letters) if code in row or last in row]
    town.wait(11)
    assert kind(ann.finish(ann.challenge(), "email", last)) == (422, "wrong-code")
    assert last not in log_output()


@pytest.fixture
def log_output(capfd, caplog):
    def read():
        written = capfd.readouterr()
        return written.out + written.err + caplog.text

    return read


def test_K8_no_more_than_three_codes_are_sent_in_an_hour(town, ann):
    assert ann.log_in().status_code == 200
    answers = sorted(at_once([lambda: ann.post("/code")] * 10), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in answers] == [202] * 3 + [429] * 7
    assert 3500 < int(answers[3].headers["Retry-After"]) <= 3601
    assert len(ann.codes()) == 3
    town.wait(61)
    assert ann.log_in().status_code == 200
    assert ann.post("/code").status_code == 202


def test_K8_of_twenty_guesses_at_once_five_are_looked_at_and_then_even_the_right_code_has_to_wait(town, ann):
    ann.set_up_app()
    challenge, wrong = ann.challenge(), ann.wrong_code()
    guess = {"method": "totp", "code": wrong}
    at_login = [lambda: town.ask("POST", SECOND, body={**guess, "challenge": challenge})] * 10
    inside = [lambda: ann.post("/proof", guess)] * 10
    answers = at_once([*at_login, *inside])
    assert sorted(answer.status_code for answer in answers) == [422] * 5 + [429] * 15
    assert sorted(answer.json().get("tries_left", 9) for answer in answers)[:5] == [0, 1, 2, 3, 4]
    waiting = ann.finish(challenge, "totp", ann.app_code())
    assert waiting.status_code == 429
    assert 0 < int(waiting.headers["Retry-After"]) <= 3600
    assert ann.post("/proof", {"method": "totp", "code": ann.app_code()}).status_code == 429
    # The owner is not locked out: nobody guesses a recovery code.
    assert ann.finish(challenge, "recovery_code", ann.recovery_codes[0].lower()).status_code == 200
    town.wait(61)
    assert ann.finish(ann.challenge(), "totp", ann.app_code()).status_code == 200
    assert town.market.query("SELECT * FROM two_factor_tries WHERE user_id = :id", id=ann.id) == []


def test_K8_a_right_code_sent_twenty_times_at_once_opens_one_session(town, ann):
    ann.set_up_app()
    challenges, code = [ann.challenge(), ann.challenge()], ann.app_code(1)
    guesses = [{"challenge": challenges[n % 2], "method": "totp", "code": code} for n in range(20)]
    before = town.market.query("SELECT count(*) FROM auth_sessions WHERE user_id = :id", id=ann.id)[0][0]
    answers = at_once([lambda guess=guess: town.ask("POST", SECOND, body=guess) for guess in guesses])
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 422, 429}
    assert town.market.query("SELECT count(*) FROM auth_sessions WHERE user_id = :id", id=ann.id)[0][0] == before + 1


def test_K8_recovery_codes_are_good_once_and_their_owner_hears_of_the_last(town, ann):
    ann.set_up_app()
    first, second = ann.recovery_codes[:2]
    assert ann.finish(ann.challenge(), "recovery_code", first).status_code == 200
    assert kind(ann.finish(ann.challenge(), "recovery_code", first)) == (422, "wrong-code")
    assert ann.ask("GET", OWN).json()["recovery_codes_left"] == 9
    fresh = ann.post("/recovery-codes", {"password": PASSWORD}).json()["recovery_codes"]
    assert len(set(fresh) | set(ann.recovery_codes)) == 20
    assert kind(ann.finish(ann.challenge(), "recovery_code", second)) == (422, "wrong-code")
    town.market.query(
        """UPDATE two_factor_recovery_codes SET used_at = market_clock() WHERE user_id = :id AND code_hash <> :kept""",
        id=ann.id,
        kept=stored_hash(town, ann, fresh[0]),
    )
    assert ann.finish(ann.challenge(), "recovery_code", fresh[0]).status_code == 200
    assert "Your last recovery code was used" in [subject for subject, _text in town.letters(ann.email)]
    assert ann.log_in().json()["second_factor"]["methods"] == ["totp"]


def stored_hash(town, person, code):
    from marketcore_two_factor.rules import plain_code
    from marketcore_two_factor.sealing import Seal

    keys = town.market.registry["secrets"]
    seal = Seal(keys.derive("two-factor secret"), keys.derive("two-factor recovery"))
    return seal.hash(plain_code(code), person.id)


def test_K8_a_challenge_ends_with_its_time_and_with_the_password(town, ann):
    ann.set_up_app()
    old = ann.challenge()
    change = {"current": PASSWORD, "new": "another long secret phrase"}
    assert ann.ask("POST", "/api/v1/users/me/password", change).status_code == 204
    answers = [ann.finish(old, "totp", ann.app_code()), ann.finish(secrets.token_urlsafe(32), "totp", ann.app_code())]
    assert [kind(answer) for answer in answers] == [(401, "challenge-over")] * 2
    late = ann.log_in("another long secret phrase").json()["second_factor"]["challenge"]
    town.wait(11)
    assert kind(ann.finish(late, "totp", ann.app_code())) == (401, "challenge-over")
    assert kind(town.ask("POST", f"{SECOND}/code", body={"challenge": late})) == (401, "challenge-over")
    fresh = ann.log_in("another long secret phrase").json()["second_factor"]["challenge"]
    assert kind(town.ask("POST", f"{SECOND}/code", body={"challenge": fresh})) == (422, "invalid")


def test_K8_whoever_does_not_know_the_password_does_not_learn_of_the_factor(town, ann):
    ann.set_up_app()
    bob = Person(town)
    answers = [
        town.ask("POST", LOGIN, body={"email": email, "password": "not the password"})
        for email in (ann.email, bob.email, "nobody@example.test")
    ]
    assert [{**answer.json(), "request_id": ""} for answer in answers] == [{**answers[0].json(), "request_id": ""}] * 3
    assert answers[0].status_code == 401
    assert town.market.query("SELECT * FROM two_factor_challenges WHERE user_id IN (:a, :b)", a=ann.id, b=bob.id) == []


def test_K8_a_blocked_account_takes_the_second_step_too_and_stays_blocked(town, ann):
    ann.set_up_app()
    admin = Person(town, "admin")
    assert admin.ask("POST", f"/api/v1/users/{ann.id}/block", {"reason": "unpaid bids"}).status_code == 200
    assert ann.finish(ann.challenge(), "totp", ann.app_code()).status_code == 200
    assert ann.ask("GET", "/api/v1/users/me").json()["blocked"] is True


def test_K8_old_challenges_codes_and_proofs_are_cleaned_up(town, ann):
    from marketcore_two_factor.jobs import forget_old_proofs

    ann.set_up_app()
    ann.post("/code")
    ann.challenge()
    town.wait(60 * 49)
    assert town.market.perform(forget_old_proofs) is None
    for table in ("challenges", "email_codes", "tries"):
        assert town.market.query(f"SELECT count(*) FROM two_factor_{table}")[0][0] == 0, table
    assert town.market.query("SELECT count(*) FROM two_factor_factors WHERE user_id = :id", id=ann.id)[0][0] == 1


def test_K8_every_address_that_sends_or_takes_a_code_or_password_is_limited_by_caller(town):
    views = [item["introspectable"] for item in town.market.registry.introspector.get_category("views")]
    ours = {name for view in views if (name := view["route_name"] or "").startswith("two_factor.")}
    limited = {view["route_name"] for view in views if view.get("rate_limit") == "login"}
    assert ours - limited == {"two_factor.own", "two_factor.reset"}  # which show one's own, and are an admin's
