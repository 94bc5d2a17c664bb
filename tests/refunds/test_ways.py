"""What becomes of a refund once it is on its way: done, failed, replaced, made by hand, taken back, or nobody knows."""

from __future__ import annotations

import signal

import pytest
from processes import CONFIGURED, run_process

from marketcore.testing.contracts import at_once

CHARGE = 50_000
WORKER = CONFIGURED + "from marketcore.jobs.running import run_waiting; run_waiting(registry)"
RECONCILER = CONFIGURED + "from marketcore.payments.reconciler import reconcile; reconcile(registry)"


def states(office, refund, *, applied=True):
    rows = office.market.query(
        "SELECT state FROM operation_history WHERE subject_id = :id AND applied = :applied ORDER BY id",
        id=refund["id"],
        applied=applied,
    )
    return [state for (state,) in rows]


def retry(office, refund, target):
    return office.admin.post(f"/api/v1/refunds/{refund['id']}/retries", json={"target": target})


def confirm(office, refund, receipt="BANK-1"):
    return office.admin.post(f"/api/v1/refunds/{refund['id']}/confirmation", json={"receipt": receipt})


def due(office):
    """Return what stands on its way back, in minor units."""
    rows = office.market.query(
        """SELECT coalesce(sum(CASE WHEN credit.purpose = 'refund_due' THEN t.amount ELSE -t.amount END), 0)
           FROM ledger_transfers t JOIN ledger_accounts credit ON credit.id = t.credit_id
           JOIN ledger_accounts debit ON debit.id = t.debit_id
           WHERE 'refund_due' IN (credit.purpose, debit.purpose)"""
    )
    return int(rows[0][0])


def test_a_refund_by_hand_waits_for_its_receipt(office):
    office.paid()
    refund = office.refunded("200.00", target="by_hand")
    assert (refund["state"], due(office), office.clearing("by_hand")) == ("by_hand", 20_000, 0)
    assert confirm(office, refund, "").status_code == 422
    done = confirm(office, refund)
    assert (done.status_code, done.json()["state"], done.json()["receipt"]) == (200, "succeeded", "BANK-1")
    assert confirm(office, refund, "BANK-2").status_code == 409
    assert (due(office), office.clearing("by_hand"), office.clearing()) == (0, -20_000, CHARGE)
    assert office.gateway.refunds == {}
    acts = office.market.query("SELECT act, detail FROM audit_log WHERE act = 'refund.confirm'")
    assert [act.detail for act in acts] == [{"receipt": "BANK-1"}]


def test_a_refund_that_failed_is_tried_again_by_another_way_once(office, capsys):
    payment = office.paid()
    office.gateway.refund_scripts.append("declined")
    failed = office.refunded()
    assert (failed["state"], failed["failure"], due(office)) == ("failed", "declined", CHARGE)
    assert "refund_failed" in capsys.readouterr().out
    assert retry(office, failed, "wallet").status_code == 422
    again = at_once([lambda: retry(office, failed, "by_hand")] * 3)
    assert sorted(answer.status_code for answer in again) == [201, 409, 409]
    replacement = next(answer.json() for answer in again if answer.status_code == 201)
    assert office.read_refund(failed)["replaced_by"] == replacement["id"]
    office.hear_of_refund(failed, "refunded")  # much too late: its money is on its way elsewhere
    assert "operation_step_refused" in capsys.readouterr().out
    assert states(office, failed, applied=False) == ["succeeded"]
    assert (office.read_refund(failed)["state"], due(office)) == ("failed", CHARGE)
    assert confirm(office, replacement).status_code == 200
    assert (due(office), office.clearing(), office.gateway.sent_back[payment["id"]]) == (0, CHARGE, 0)


def test_a_refund_by_hand_that_was_replaced_is_not_confirmed_as_well(office):
    payment = office.paid()
    by_hand = office.refunded(target="by_hand")
    again = retry(office, by_hand, "original").json()
    assert confirm(office, by_hand).status_code == 409
    assert retry(office, by_hand, "original").status_code == 409
    office.work()
    assert office.read_refund(again)["state"] == "succeeded"
    assert (due(office), office.clearing(), office.gateway.sent_back[payment["id"]]) == (0, 0, CHARGE)


def test_a_failed_refund_that_succeeds_late_is_done(office):
    office.paid()
    office.gateway.refund_scripts.append("declined")
    refund = office.refunded()
    office.hear_of_refund(refund, "refunded")
    assert (office.read_refund(refund)["state"], due(office), office.clearing()) == ("succeeded", 0, 0)
    assert retry(office, refund, "by_hand").status_code == 409


def test_a_refund_that_comes_back_after_its_success_can_be_sent_another_way(office):
    office.paid()
    refund = office.refunded("300.00")
    assert office.clearing() == 20_000
    office.hear_of_refund(refund, "returned")
    office.hear_of_refund(refund, "returned")
    assert states(office, refund) == ["submitting", "succeeded", "failed"]
    assert (office.read_refund(refund)["state"], due(office), office.clearing()) == ("failed", 30_000, CHARGE)
    office.assert_books_are_right()
    office.hear_of_refund(refund, "refunded")
    office.hear_of_refund(refund, "returned")
    replacement = retry(office, refund, "by_hand").json()
    assert confirm(office, replacement).status_code == 200
    assert (due(office), office.clearing(), office.clearing("by_hand")) == (0, CHARGE, -30_000)


def test_a_refund_that_takes_its_time_is_asked_about_or_reported(office):
    office.paid()
    for word in ("question", "webhook"):
        office.gateway.refund_scripts.append("pending")
        refund = office.refunded("100.00")
        assert refund["state"] == "pending"
        if word == "question":
            office.gateway.refunds[refund["id"]]["state"] = "refunded"
            office.ask_about_refunds()
        else:
            office.hear_of_refund(refund, "refunded")
        assert states(office, refund) == ["submitting", "pending", "succeeded"]
    assert (due(office), office.clearing()) == (0, 30_000)


@pytest.mark.parametrize("script", ["drop_after", "hang"])
def test_an_answer_that_was_lost_is_unknown_and_resolved_once(office, script):
    payment = office.paid()
    office.gateway.refund_scripts.append(script)
    refund = office.refunded()
    office.gateway.released.set()
    assert (refund["state"], due(office)) == ("unknown", CHARGE)
    at_once([office.ask_about_refunds] * 3)
    assert states(office, refund) == ["submitting", "unknown", "succeeded"]
    assert (office.gateway.sent_back, due(office)) == ({payment["id"]: CHARGE}, 0)


def test_a_refund_that_never_arrived_is_handed_over_again(office):
    payment = office.paid()
    office.gateway.refund_scripts.append("drop_before")
    refund = office.refunded()
    assert (refund["state"], office.gateway.refunds) == ("unknown", {})
    office.ask_about_refunds()
    office.ask_about_refunds()
    assert states(office, refund) == ["submitting", "unknown", "requested", "submitting", "succeeded"]
    assert (office.gateway.sent_back, due(office)) == ({payment["id"]: CHARGE}, 0)


def test_a_success_of_another_amount_is_not_believed(office, capsys):
    office.paid()
    office.gateway.refund_scripts.append("pending")
    refund = office.refunded()
    office.gateway.refunds[refund["id"]]["minor"] -= 1
    office.hear_of_refund(refund, "refunded")
    assert "operation_amount_differs" in capsys.readouterr().out
    assert (office.read_refund(refund)["state"], due(office)) == ("pending", CHARGE)


# Where a worker dies, and whether the provider has sent the money by then.
DEATHS = [("refunds.before_submit", 0), ("refunds.after_submit", 1), ("refunds.before_commit", 1)]


@pytest.mark.parametrize(("point", "sent"), DEATHS)
def test_a_worker_that_dies_while_it_hands_a_refund_over_sends_it_once(office, point, sent):
    payment = office.paid()
    refund = office.refund().json()
    process = run_process(["-c", WORKER], office.market.settings, MARKETCORE_CRASH_AT=point)
    assert process.wait(60) == -signal.SIGKILL
    assert (office.read_refund(refund)["state"], due(office)) == ("submitting", CHARGE)
    assert office.gateway.sent_back.total() == sent * CHARGE
    office.market.query("DELETE FROM jobs")
    # Until then the worker might still be waiting for an answer.
    office.market.travel("61 seconds")
    office.ask_about_refunds()
    office.ask_about_refunds()
    assert office.gateway.sent_back == {payment["id"]: CHARGE}
    assert (office.read_refund(refund)["state"], due(office), office.clearing()) == ("succeeded", 0, 0)


def test_a_reconciler_that_dies_with_the_answer_in_its_hands(office):
    payment = office.paid()
    office.gateway.refund_scripts.append("pending")
    refund = office.refunded()
    office.gateway.refunds[refund["id"]]["state"] = "refunded"
    office.market.query("UPDATE refunds SET next_check_at = market_clock()")
    process = run_process(["-c", RECONCILER], office.market.settings, MARKETCORE_CRASH_AT="refunds.after_fetch")
    assert process.wait(60) == -signal.SIGKILL
    assert (office.read_refund(refund)["state"], due(office)) == ("pending", CHARGE)
    office.market.query("UPDATE refunds SET lease_until = market_clock()")
    office.ask_about_refunds()
    assert (office.read_refund(refund)["state"], due(office), office.clearing()) == ("succeeded", 0, 0)
    assert office.row(payment).state == "captured"
