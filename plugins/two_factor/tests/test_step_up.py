"""Proofs before what matters, removing factors, and marketplaces that ask for more."""

from __future__ import annotations

import uuid

from .people import OWN, PASSWORD, Person

PAYOUT = {"destination_id": str(uuid.uuid4()), "amount": {"amount": "5.00", "currency": "KES"}}
DESTINATION = {"provider": "nobody", "label": "Mine"}
NEW = {"current": PASSWORD, "new": "another long secret phrase"}


def kind(answer):
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def attempts(person):
    """Return the statuses of what asks for a proof: not there, invalid and so on, or 403 before any of it."""
    return {
        "payout": person.ask("POST", "/api/v1/payouts", PAYOUT).status_code,
        "destination": person.ask("POST", "/api/v1/payout-destinations", DESTINATION).status_code,
        "removal": person.ask("DELETE", f"/api/v1/payout-destinations/{uuid.uuid4()}").status_code,
        "password": person.ask("POST", "/api/v1/users/me/password", {**NEW, "current": "wrong"}).status_code,
    }


THROUGH = {"payout": 404, "destination": 422, "removal": 404, "password": 422}
HELD = dict.fromkeys(THROUGH, 403)


def test_K8_payouts_their_destinations_and_the_password_take_a_fresh_proof_of_the_session(town, ann):
    assert attempts(ann) == THROUGH  # without a factor nobody is asked
    ann.set_up_app()
    assert attempts(ann) == THROUGH  # it has just been proved
    town.wait(11)
    assert attempts(ann) == HELD
    refused = ann.ask("POST", "/api/v1/payouts", PAYOUT)
    assert (kind(refused), refused.json()["methods"]) == ((403, "step-up-needed"), ["totp", "recovery_code"])
    assert kind(ann.post("/proof", {"method": "totp", "code": ann.wrong_code()})) == (422, "wrong-code")
    assert attempts(ann) == HELD
    assert ann.post("/proof", {"method": "totp", "code": ann.app_code()}).status_code == 200
    assert attempts(ann) == THROUGH
    proved = ann.refresh
    town.wait(2)
    assert ann.finish(ann.challenge(), "totp", ann.app_code()).status_code == 200
    other, ann.refresh = ann.access, proved
    town.wait(9)
    assert ann.renew().status_code == 200  # without any code
    assert attempts(ann) == HELD  # a proof of another session says nothing of this one
    ann.access = other
    assert attempts(ann) == THROUGH


def test_K8_a_factor_is_changed_with_password_and_factor_only(town, ann):
    ann.set_up_app()
    assert kind(ann.post("/totp", {"password": PASSWORD})) == (409, "conflict")
    town.wait(11)
    for part in ("/totp/removal", "/recovery-codes", "/email/removal", "/totp"):
        assert kind(ann.post(part, {"password": PASSWORD})) == (403, "step-up-needed"), part
    assert ann.post("/proof", {"method": "totp", "code": ann.app_code()}).status_code == 200
    assert kind(ann.post("/totp/removal", {"password": "not the password"})) == (422, "invalid")
    assert kind(ann.post("/email/removal", {"password": PASSWORD})) == (404, "not-found")
    assert ann.post("/totp/removal", {"password": PASSWORD}).status_code == 204
    own = ann.ask("GET", OWN).json()
    assert (own["enabled"], own["factors"], own["recovery_codes_left"]) == (False, [], 0)
    assert ann.log_in().status_code == 200
    assert kind(ann.post("/recovery-codes", {"password": PASSWORD})) == (409, "conflict")
    assert kind(ann.post("/proof", {"method": "totp", "code": "123456"})) == (409, "conflict")
    assert "A second factor was removed" in [subject for subject, _text in town.letters(ann.email)]


def test_K8_an_app_is_set_up_by_its_code_within_a_quarter_of_an_hour_and_not_by_guessing(town, ann):
    assert kind(ann.post("/totp/confirmation", {"code": "123456"})) == (409, "conflict")
    assert kind(ann.post("/totp", {"password": "not the password"})) == (422, "invalid")
    ann.secret = ann.post("/totp", {"password": PASSWORD}).json()["secret"]
    wrong = [ann.post("/totp/confirmation", {"code": ann.wrong_code()}) for _ in range(6)]
    assert [answer.status_code for answer in wrong] == [422] * 5 + [429]
    town.wait(14)
    assert ann.log_in().status_code == 200
    town.wait(2)
    assert kind(ann.post("/totp/confirmation", {"code": ann.app_code()})) == (409, "conflict")


def test_K8_an_admin_takes_a_lost_factor_away_and_that_is_written_down(town, ann):
    ann.set_up_app()
    admin, path = Person(town, "admin"), f"/api/v1/users/{ann.id}/second-factor/removal"
    assert ann.ask("POST", path, {"reason": "mine"}).status_code == 403
    assert admin.ask("POST", path, {"reason": "showed her passport"}).status_code == 204
    assert admin.ask("POST", path, {"reason": "again"}).status_code == 404
    assert ann.ask("GET", OWN).status_code == 401
    assert ann.log_in().status_code == 200
    ((act, reason),) = town.market.query(
        "SELECT act, detail ->> 'reason' FROM audit_log WHERE subject_id = :id", id=str(ann.id)
    )
    assert (act, reason) == ("two_factor.reset", "showed her passport")


def test_K8_a_marketplace_may_ask_its_admins_at_login_and_everybody_before_what_matters(build):
    town = build(two_factor__required_roles="admin", two_factor__step_up_for_all="true")
    root, ann = Person(town, "admin"), Person(town)
    challenge = root.challenge()
    assert town.ask("POST", "/api/v1/auth/login/second-factor/code", body={"challenge": challenge}).status_code == 202
    assert root.finish(challenge, "email", root.codes()[-1]).status_code == 200
    assert root.ask("GET", OWN).json()["methods"] == ["email"]
    assert ann.log_in().status_code == 200
    assert attempts(ann) == HELD
    assert ann.ask("POST", "/api/v1/payouts", PAYOUT).json()["methods"] == ["email"]
    assert ann.post("/code").status_code == 202
    assert ann.post("/proof", {"method": "email", "code": ann.codes()[-1]}).status_code == 200
    assert attempts(ann) == THROUGH
