"""The inbox of providers' calls: verified, stored once, applied once, whatever order they come in."""

from __future__ import annotations

import json
import random

import httpx
import pytest
from gateway import call, deliver

from marketcore.payments import inbox
from marketcore.testing.contracts import at_once


def post(till, path, body, headers=None):
    address = till.market.url + path
    return httpx.post(address, content=body, headers=headers or {}, timeout=30, trust_env=False, verify=False)


def rows(till):
    return till.market.query("SELECT * FROM webhook_inbox ORDER BY id")


def test_L5_a_signed_report_is_thanked_for_stored_and_applied(till):
    payment = till.pay({})
    answer = deliver(till.market.url, till.gateway.event(payment, "captured"))
    assert (answer.status_code, answer.text) == (200, "thanks")
    assert till.read_payment(payment)["state"] == "pending"
    till.work()
    assert till.read_payment(payment)["state"] == "captured"
    till.assert_paid_once()
    assert [row.status for row in rows(till)] == ["done"]


def test_an_address_of_no_provider_is_not_found(till):
    assert post(till, "/hooks/nobody", b"{}").status_code == 404
    assert post(till, "/hooks/nobody/token", b"{}").status_code == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"events": 1}', b'{"events": [{}]}', b"\xff\x00"])
def test_a_signed_body_that_cannot_be_read_is_refused_and_not_kept(till, body):
    import hashlib
    import hmac

    from gateway import SECRET

    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert post(till, "/hooks/fp", body, {"X-Fakepay-Signature": signature}).status_code == 400
    assert rows(till) == []


def test_a_bad_signature_is_refused_and_not_kept(till):
    payment = till.pay({})
    body, headers = call(till.gateway.event(payment, "captured"))
    for forged in ({}, {"X-Fakepay-Signature": ""}, {"X-Fakepay-Signature": "0" * 64}):
        assert post(till, "/hooks/fp", body, forged).status_code == 401
    assert post(till, "/hooks/fp", body.replace(b"50000", b"50001"), headers).status_code == 401
    assert rows(till) == []
    till.work()
    assert till.read_payment(payment)["state"] == "pending"


def test_an_oversized_call_is_refused_and_not_kept(till):
    assert post(till, "/hooks/fp", b"x" * 262_145).status_code == 413
    assert rows(till) == []


def test_L5_an_event_that_comes_often_is_stored_once(till):
    payment = till.pay({})
    event = till.gateway.event(payment, "captured")
    answers = at_once([lambda: deliver(till.market.url, event)] * 8)
    assert {answer.status_code for answer in answers} == {200}
    assert len(rows(till)) == 1
    till.work()
    deliver(till.market.url, event)
    till.work()
    assert len(rows(till)) == 1
    till.assert_paid_once()


def test_an_event_that_comes_often_is_one_urgent_job(till):
    event = till.gateway.event(till.pay({}), "captured")
    at_once([lambda: deliver(till.market.url, event)] * 8)
    jobs = till.market.query("SELECT priority, arguments FROM jobs WHERE name = 'payments.process_webhook'")
    assert [(job.priority, job.arguments) for job in jobs] == [(inbox.URGENT, {"inbox_id": rows(till)[0].id})]


_STUMBLE = """
    CREATE SEQUENCE calls;
    CREATE FUNCTION stumble() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.name = 'payments.process_webhook' AND nextval('calls') <= {times} THEN
          RAISE EXCEPTION 'stumbled' USING ERRCODE = '{code}';
        END IF;
        RETURN NEW;
      END $$;
    CREATE TRIGGER stumble BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION stumble()
"""


@pytest.mark.parametrize(("code", "first"), [("53100", 503), ("40001", 200)])
def test_a_call_is_kept_with_its_job_or_not_thanked_for(till, code, first):
    event = till.gateway.event(till.pay({}), "captured")
    till.market.query(_STUMBLE.format(times=1, code=code))
    assert deliver(till.market.url, event).status_code == first
    assert len(rows(till)) == (first == 200)
    assert deliver(till.market.url, event).status_code == 200
    assert len(rows(till)) == 1
    till.work()
    till.assert_paid_once()


def test_several_events_in_one_call_are_stored_each_and_applied_each(till):
    first, second = till.pay({}), till.buy()
    deliver(till.market.url, till.gateway.event(first, "captured"), till.gateway.event(second, "failed"))
    till.work()
    assert till.read_payment(first)["state"] == "captured"
    assert till.read_payment(second)["state"] == "failed"
    assert len(rows(till)) == 2


def test_an_event_about_nothing_known_is_tried_again_and_at_last_dead(till):
    stranger = {"id": "00000000-0000-4000-8000-000000000000"}
    deliver(till.market.url, till.gateway.event(stranger, "captured"))
    till.work()
    for _attempt in range(12):
        till.market.query("UPDATE webhook_inbox SET next_at = market_clock()")
        for inbox_id in till.market.perform(inbox.due):
            inbox.process(till.market.registry, inbox_id)
    (row,) = rows(till)
    assert (row.status, row.attempts) == ("dead", 10)
    assert "no payment of fakepay fits event" in row.last_error
    assert till.transfers() == []


def test_an_event_whose_job_was_lost_is_found_by_the_sweeper(till):
    payment = till.pay({})
    deliver(till.market.url, till.gateway.event(payment, "captured"))
    till.market.query("DELETE FROM jobs")
    from marketcore.payments.jobs import sweep_webhooks

    sweep_webhooks(till.market.registry)
    assert till.read_payment(payment)["state"] == "captured"


def test_an_event_claimed_by_a_worker_that_died_is_taken_over_after_its_lease(till):
    payment = till.pay({})
    deliver(till.market.url, till.gateway.event(payment, "captured"))
    till.market.query("DELETE FROM jobs")
    (row,) = rows(till)
    till.market.perform(inbox._claim, row.id)
    inbox.process(till.market.registry, row.id)
    assert till.read_payment(payment)["state"] == "pending"
    till.market.travel("61 seconds")
    inbox.process(till.market.registry, row.id)
    assert till.read_payment(payment)["state"] == "captured"


def test_bodies_of_done_calls_are_forgotten_after_ninety_days(till):
    payment = till.pay({})
    till.tell(payment, "captured")
    till.market.travel("89 days")
    till.market.perform(inbox.forget_bodies)
    assert rows(till)[0].body is not None
    till.market.travel("91 days")
    till.market.perform(inbox.forget_bodies)
    assert rows(till)[0].body is None
    assert len(rows(till)[0].body_sha256) == 32


def test_reports_of_every_ending_three_times_each_worked_off_meanwhile_have_exactly_their_effects(make_till):
    till = make_till(stock=20)
    payments = [till.pay({}), *(till.buy() for _ in range(19))]
    dice = random.Random(20)
    endings = {payment["id"]: dice.choice(["captured", "captured", "failed", "expired"]) for payment in payments}
    true = [call(till.gateway.event(payment, endings[payment["id"]])) for payment in payments]
    forged = [(body.replace(b"50000", b"99999"), headers) for body, headers in true[::5]]
    pile = [(call_, 200) for call_ in true * 3] + [(call_, 401) for call_ in forged]
    dice.shuffle(pile)
    for (body, headers), expected in pile:
        assert post(till, "/hooks/fp", body, headers).status_code == expected
        if dice.random() < 0.1:
            till.work()
    till.work()
    for payment in payments:
        assert till.states(payment) == ["submitting", "pending", endings[payment["id"]]]
    paid = sum(ending == "captured" for ending in endings.values())
    assert len(rows(till)) == 20
    assert till.transfers() == [("capture", 50000)] * paid
    ((in_history,),) = till.market.query("SELECT count(*) FROM order_history WHERE state = 'paid'")
    assert in_history == paid


def test_what_is_stored_of_a_callback_address_is_its_hash_and_logs_show_its_route(till, capsys):
    payment = till.pay({})
    address = till.gateway.payments[payment["id"]]["callback_url"]
    token = address.rsplit("/", 1)[1]
    body, headers = call(till.gateway.event(payment, "captured"))
    assert post(till, f"/hooks/fp/{token}", body, headers).status_code == 200
    till.work()
    log = capsys.readouterr()
    assert "/hooks/{slug}/{token}" in log.out + log.err
    assert token not in log.out + log.err
    tables = [name for (name,) in till.market.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    for table in tables:
        stored = json.dumps([str(row) for row in till.market.query(f"SELECT t::text FROM {table} t")])
        assert token not in stored, table


def test_phone_numbers_stay_out_of_the_logs(till, capsys):
    till.gateway.scripts.append("http_500")
    body = {"purpose": "checkout", "reference": str(till.checkout["id"]), "payer": {"phone": "0712345678"}}
    assert till.buyer.post("/api/v1/payments", json=body).status_code == 202
    till.ask_now()
    log = capsys.readouterr()
    assert "route=payments.payments" in log.out + log.err
    assert "0712345678" not in log.out + log.err
