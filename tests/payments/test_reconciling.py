"""Attempts nobody answered for: asked about until they end, by one reconciler at a time, never sent again."""

from __future__ import annotations

import threading
import time

import pytest

from marketcore.payments.reconciler import reconcile
from marketcore.payments.rules import CHECK_AFTER
from marketcore.testing.contracts import at_once


@pytest.mark.parametrize("script", ["drop_after", "hang"])
def test_an_answer_lost_after_the_attempt_is_unknown_and_resolved_without_a_second_prompt(till, script):
    till.gateway.scripts.append(script)
    payment = till.pay({})
    till.gateway.released.set()
    assert payment["state"] == "unknown"
    till.gateway.settle(payment, "captured")
    till.ask_now()
    assert till.read_payment(payment)["state"] == "captured"
    assert till.gateway.prompts == {payment["id"]: 1}
    assert till.states(payment) == ["submitting", "unknown", "captured"]
    till.assert_paid_once()


def test_an_attempt_that_never_arrived_has_failed_once_the_provider_says_so(till):
    till.gateway.scripts.append("drop_before")
    payment = till.pay({})
    assert payment["state"] == "unknown"
    till.ask_now()
    assert till.read_payment(payment)["state"] == "failed"
    assert till.gateway.prompts.total() == 0
    till.tell(till.pay({}), "captured")
    till.assert_paid_once()


def test_a_refusal_ends_the_attempt_at_once(till):
    till.gateway.scripts.append("declined")
    payment = till.pay({})
    assert (payment["state"], payment["reason"]) == ("failed", "declined")


def test_a_question_without_news_changes_nothing(till):
    payment = till.pay({})
    for _time in range(3):
        till.ask_now()
    assert till.states(payment) == ["submitting", "pending"]
    assert till.gateway.questions[payment["id"]] == 3


def test_questions_follow_the_schedule(till):
    payment = till.pay({})
    registry = till.market.registry
    assert reconcile(registry) == 0
    elapsed = 6
    for number, wait in enumerate(CHECK_AFTER[:6], 1):
        till.market.travel(f"{elapsed} seconds")
        assert reconcile(registry) == 1
        assert reconcile(registry) == 0
        assert till.row(payment).checks == number
        elapsed += wait + 1


def test_the_last_question_without_an_end_calls_for_a_person_loudly(till, capsys):
    payment = till.pay({})
    for _time in range(len(CHECK_AFTER)):
        assert till.ask_now() == 1
    assert till.row(payment).reason == ""
    capsys.readouterr()
    assert till.ask_now() == 1
    assert "operation_needs_review" in capsys.readouterr().out
    assert (till.row(payment).state, till.row(payment).reason) == ("pending", "needs_review")
    assert till.ask_now() == 0
    assert till.start_payment({}).status_code == 409


def test_a_last_question_that_finds_the_money_calls_for_nobody(till, capsys):
    payment = till.pay({})
    till.market.query("UPDATE payments SET checks = :checks", checks=len(CHECK_AFTER))
    till.gateway.settle(payment, "captured")
    till.ask_now()
    assert "operation_needs_review" not in capsys.readouterr().out
    assert (till.row(payment).state, till.row(payment).reason) == ("captured", "")
    till.assert_paid_once()


def test_a_payment_given_up_is_still_captured_when_its_money_is_reported(till):
    payment = till.pay({})
    till.market.query("UPDATE payments SET checks = :checks", checks=len(CHECK_AFTER))
    till.ask_now()
    assert till.row(payment).reason == "needs_review"
    till.tell(payment, "captured")
    till.assert_paid_once()


def test_reconcilers_at_the_same_time_never_ask_about_the_same_payment(make_till):
    till = make_till(stock=100)
    payments = [till.pay({}), *(till.buy() for _ in range(7))]
    till.gateway.questions.clear()
    till.market.query("UPDATE payments SET next_check_at = market_clock()")
    asked = at_once([lambda: reconcile(till.market.registry)] * 6)
    assert sum(asked) == len(payments)
    assert till.gateway.questions == {payment["id"]: 1 for payment in payments}


def test_a_slow_question_is_not_asked_a_second_time_meanwhile(till):
    payment = till.pay({})
    till.gateway.released.clear()
    till.market.query("UPDATE payments SET next_check_at = market_clock()")
    slow = threading.Thread(target=reconcile, args=(till.market.registry, 1))
    slow.start()
    while not till.gateway.questions:
        assert slow.is_alive()
        time.sleep(0.01)
    assert till.ask_now() == 0
    till.gateway.released.set()
    slow.join()
    assert till.gateway.questions[payment["id"]] == 1
    assert till.ask_now() == 1


def test_a_reconciler_that_died_while_asking_is_replaced_after_its_lease(till):
    from marketcore.payments import reconciler
    from marketcore.payments.operations import operations

    till.pay({})
    till.market.query("UPDATE payments SET next_check_at = market_clock()")
    assert till.market.perform(reconciler._claim, operations(till.market.registry)["payment"])
    assert till.ask_now() == 0
    till.market.travel("121 seconds")
    assert till.ask_now() == 1


def test_a_payment_of_a_provider_that_was_switched_off_waits_and_holds_up_no_other(make_till):
    till = make_till(stock=100)
    orphan, other = till.pay({}), till.buy()
    till.market.query("UPDATE payments SET provider = 'gone' WHERE id = :id", id=orphan["id"])
    till.gateway.settle(other, "captured")
    assert till.ask_now() == 2
    assert till.read_payment(orphan)["state"] == "pending"
    assert till.read_payment(other)["state"] == "captured"
