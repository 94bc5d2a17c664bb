"""Everybody at once, and processes that die: each share and each rest goes one way, once.

``MARKETCORE_LONG=1`` lets a hundred and seventy die.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from marketcore.ledger.accounts import wallet
from marketcore.testing.contracts import at_once
from marketcore.testing.dying import DyingWorkers

from .agency import LINK, Person, kes

DEATHS = 170 if os.environ.get("MARKETCORE_LONG") else 12
# One process brings everything along, connected to nothing; each death is that of a child of its own.
DIES = """
import json, os, sys
os.environ["MARKETCORE_CRASH_AT"] = "nowhere yet"
from marketcore.config import configure
from marketcore.db.session import perform
from marketcore.testing import crash
from marketcore_escrow.jobs import settle_due
from marketcore_escrow.proofs import ProofService
def approve(request, application_id, owner_id):
    request.find_service(ProofService).approve(application_id, owner_id)
registry = configure(json.loads(os.environ["SETTINGS"])).registry
for place, act in json.loads(os.environ["DEATHS"]):
    child = os.fork()
    if not child:
        crash._ARMED = place
        perform(registry, approve, *act) if act else settle_due(registry)
        os._exit(0)
    _child, status = os.waitpid(child, 0)
    print(json.dumps([place, os.WTERMSIG(status) if os.WIFSIGNALED(status) else None]), flush=True)
    sys.stdin.readline()
"""


def statuses(answers):
    return sorted(answer.status_code for answer in answers if answer is not None)


def test_two_accepts_over_the_budget_at_the_same_moment_never_promise_more_than_is_held(agency):
    id = agency.funded("100.00")
    people = [agency.ann, agency.ben, *(Person(agency.market, "buyer") for _ in range(4))]
    wanted = [agency.applied(id, person) for person in people]
    answers = at_once([lambda one=one: agency.accept(id, **{f"a{one}": "40.00"}) for one in wanted])
    assert statuses(answers) == [200, 200, 409, 409, 409, 409]
    assert agency.held(id) == (10_000, 8000)
    assert sorted(agency.state(one) for one in wanted) == ["accepted"] * 2 + ["applied"] * 4


def test_one_application_is_accepted_once_however_often_it_is_asked_for(agency):
    id = agency.funded("100.00")
    mine = agency.applied(id, agency.ann)
    answers = at_once([lambda n=n: agency.accept(id, **{f"a{mine}": f"{n}.00"}) for n in range(10, 16)])
    assert statuses(answers) == [200, *[409] * 5]
    assert (
        agency.held(id)[1]
        == agency.read(id)["accepted"]
        * agency.market.query("SELECT share_minor FROM escrow_applications WHERE id = :id", id=mine)[0][0]
    )


def test_a_double_release_is_one_release(agency):
    id, mine = agency.submitted("60.00")
    before = agency.ann.money()
    answers = at_once([lambda: agency.act(agency.owner, mine, "approval")] * 6)
    assert statuses(answers) == [200, *[409] * 5]
    assert (agency.ann.money() - before, agency.held(id)) == (5400, (4000, 0))


@pytest.mark.parametrize("overdue", [False, True])
def test_approval_rejection_expiry_and_dispute_at_once_send_a_share_one_way(agency, overdue):
    for id, mine in [agency.submitted("60.00") for _ in range(3)]:
        if overdue:
            agency.age(30, id)
        earned, back = agency.ann.money(), agency.owner.money(wallet)
        answers = at_once(
            [
                lambda mine=mine: agency.act(agency.owner, mine, "approval"),
                agency.settle,
                lambda mine=mine: agency.act(agency.ann, mine, "dispute", reason="slow"),
                lambda mine=mine: agency.act(agency.owner, mine, "rejection", reason="no"),
                agency.settle,
                lambda mine=mine: agency.act(agency.owner, mine, "approval"),
            ]
        )
        assert set(statuses(answers)) <= {200, 409}
        agency.settle()
        state = agency.state(mine)
        if state == "disputed":
            agency.act(agency.admin, mine, "decision", outcome="release", reason="done")
        elif state == "rejected":
            agency.act(agency.ann, mine, "withdrawal")
        assert agency.ann.money() - earned == (0 if state == "rejected" else 5400)
        assert agency.held(id)[1] == 0
        if overdue:
            assert state == "released"
            assert (agency.read(id)["state"], agency.owner.money(wallet) - back) == ("finished", 4000)


def test_decisions_of_several_admins_at_once_are_one(agency):
    _id, mine = agency.submitted("60.00")
    agency.act(agency.ann, mine, "dispute", reason="slow")
    before = agency.ann.money()
    outcomes = [{"outcome": "release"}, {"outcome": "return"}, {"outcome": "split", "to_applicant": kes("30.00")}] * 2
    answers = at_once(
        [lambda o=o: agency.act(agency.admin, mine, "decision", reason="so it is", **o) for o in outcomes]
    )
    assert statuses(answers) == [200, *[409] * 5]
    earned = {"released": 5400, "returned": 0, "split": 2700}[agency.state(mine)]
    assert agency.ann.money() - before == earned


def test_an_advertisement_that_is_cancelled_while_it_is_paid_for_keeps_no_money(agency):
    for _ in range(4):
        id, before = agency.draft("10.00"), agency.owner.money(wallet)
        agency.fill(agency.owner, 1000)
        cancel = lambda id=id: agency.owner.post(f"advertisements/{id}/cancellation")  # noqa: E731
        paid, cancelled = at_once([lambda id=id: agency.pay(id), cancel])
        assert (paid.status_code, cancelled.status_code) in {(202, 200), (202, 409), (409, 200)}
        ad = agency.read(id)
        kept = 1000 if ad["state"] == "open" else 0
        assert agency.held(id) == (kept, 0)
        assert agency.owner.money(wallet) - before == 1000 - kept


def test_expiry_is_applied_once_by_several_workers_at_once(agency):
    ids = [agency.submitted("60.00")[0], *(agency.funded("10.00") for _ in range(3))]
    agency.age(30, *ids)
    at_once([agency.settle] * 4)
    assert [agency.read(id)["state"] for id in ids] == ["finished"] * 4
    assert [agency.refunds(id) for id in ids] == [
        [("original", "succeeded", minor)] for minor in (4000, 1000, 1000, 1000)
    ]


@pytest.fixture
def dying(agency):
    """Let a process die at a place, once for each; returns a function that lets the next one die."""

    def begin(deaths):
        paths = [path for path in sys.path if path and Path(path) != Path(__file__).parent]
        told = {"SETTINGS": json.dumps(agency.market.settings), "DEATHS": json.dumps(deaths)}
        process = subprocess.Popen(
            [sys.executable, "-c", DIES],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "ignore", **told},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)

        def next_death():
            place, signal = json.loads(process.stdout.readline())
            assert signal == 9, f"nobody died at {place}"
            return place

        def go_on():
            process.stdin.write("\n")
            process.stdin.flush()

        return next_death, go_on

    started = []
    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_processes_that_die_around_a_release_and_an_expiry_leave_each_done_once_or_not_at_all(agency, dying):
    approved_ad, approved = agency.submitted("60.00")
    released_ad, released = agency.submitted("60.00")
    expired_ad = agency.funded("10.00")
    agency.age(30, released_ad, expired_ad)
    earned, back = agency.ann.money(), agency.owner.money(wallet)
    next_death, go_on = dying(
        [
            ("escrow.released", (approved, agency.owner.id)),
            ("escrow.released", None),
            ("escrow.settled", None),
            ("escrow.settlement_committed", None),
        ]
    )
    for place in ("escrow.released", "escrow.released", "escrow.settled"):
        assert next_death() == place
        assert [agency.state(one) for one in (approved, released)] == ["submitted"] * 2
        assert [agency.held(id) for id in (approved_ad, released_ad, expired_ad)] == [(10_000, 6000)] * 2 + [(1000, 0)]
        assert (agency.ann.money(), agency.owner.money(wallet)) == (earned, back)
        go_on()
    assert next_death() == "escrow.settlement_committed"
    assert (agency.state(released), agency.read(expired_ad)["state"]) == ("released", "open")
    assert (agency.ann.money(), agency.owner.money(wallet)) == (earned + 5400, back + 4000)
    at_once([agency.settle] * 3)
    assert agency.act(agency.owner, approved, "approval").status_code == 200
    assert agency.read(expired_ad)["state"] == "finished"
    assert agency.refunds(expired_ad) == [("original", "succeeded", 1000)]
    assert agency.refunds(released_ad) == [("original", "succeeded", 4000)]
    assert (agency.ann.money(), agency.owner.money(wallet)) == (earned + 10_800, back + 5000)
    assert agency.act(agency.ann, released, "proofs", link=LINK).status_code == 409


@pytest.mark.timeout(900)
def test_R28_an_advertisement_ends_once_and_gives_back_what_is_left_once_however_many_workers_die(agency):
    before = agency.owner.money(wallet)
    advertisements = [agency.funded("10.00") for _ in range(DEATHS)]
    waiting, deaths = list(advertisements), 0
    with DyingWorkers(agency.market.settings) as workers:
        while deaths < DEATHS:
            agency.age(30, *waiting[-1:])
            waiting = waiting[:-1]
            deaths += workers.die("escrow.settle_due")
    agency.age(30, *waiting)
    at_once([agency.settle] * 2)
    agency.run_jobs()
    for advertisement_id in advertisements:
        assert agency.read(advertisement_id)["state"] == "finished"
        assert agency.refunds(advertisement_id) == [("original", "succeeded", 1000)]
    assert agency.owner.money(wallet) == before + 1000 * len(advertisements)
