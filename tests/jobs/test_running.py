"""A run has its effect once, or fails in a way that is written down."""

from __future__ import annotations

import pytest

from marketcore.db.session import work
from marketcore.jobs import queue
from marketcore.jobs.leases import LeaseKeeper
from marketcore.jobs.queue import LeaseLost
from marketcore.jobs.running import WorkersDied, autocommit, claim_next, run, run_waiting
from marketcore.jobs.status import dead_jobs, retry

DUE_NOW = "UPDATE jobs SET run_at = market_clock()"
EXPIRE = "UPDATE jobs SET lease_until = market_clock() - interval '1 second'"


def test_a_run_whose_lease_was_lost_leaves_no_effect(shop):
    shop.enqueue("job_app.be_robbed", label="twice?")
    with pytest.raises(LeaseLost):
        run_waiting(shop.registry)
    assert shop.labels() == []
    assert shop.query("SELECT last_error, dead_at FROM jobs") == [("", None)]


def test_a_job_is_leased_to_one_worker_until_the_lease_ends(shop):
    shop.enqueue("job_app.record", label="mine")
    first = claim_next(shop.registry)
    assert claim_next(shop.registry) is None
    shop.query(EXPIRE)
    second = claim_next(shop.registry)
    assert (second.id, second.attempts) == (first.id, 2)
    assert second.token != first.token
    with pytest.raises(LeaseLost):
        run(shop.registry, first)
    run(shop.registry, second)
    assert shop.labels() == ["mine"]


def test_a_failure_is_undone_written_down_and_tried_again_later(shop):
    shop.enqueue("job_app.fail", label="undone")
    with pytest.raises(ValueError, match="on fire"):
        run_waiting(shop.registry)
    assert shop.labels() == []
    assert run_waiting(shop.registry) == 0
    [(error, attempts, wait, lease)] = shop.query(
        "SELECT last_error, attempts, extract(epoch FROM run_at - created_at), lease_token FROM jobs"
    )
    assert (error, attempts, lease) == ("ValueError: the printer is on fire", 1, None)
    assert wait > 7


def test_a_job_that_always_fails_dies_after_its_attempts_and_can_be_revived(shop):
    job_id = shop.enqueue("job_app.fail", label="x")
    for _attempt in range(3):
        shop.query(DUE_NOW)
        with pytest.raises(ValueError, match="on fire"):
            run_waiting(shop.registry)
    shop.query(DUE_NOW)
    assert run_waiting(shop.registry) == 0
    with shop.registry["session_factory"]() as session:
        [dead] = dead_jobs(session)
    assert (dead.id, dead.attempts, dead.last_error) == (job_id, 3, "ValueError: the printer is on fire")
    with work(shop.registry) as request:
        assert retry(request.db, job_id) == 1
    with pytest.raises(ValueError, match="on fire"):
        run_waiting(shop.registry)
    assert shop.query("SELECT attempts, dead_at FROM jobs") == [(1, None)]


def test_what_is_written_down_about_a_database_error_holds_no_parameters(shop):
    shop.enqueue("job_app.fail_in_database", secret="s3cr3t")
    with pytest.raises(Exception, match="invalid input syntax"):
        run_waiting(shop.registry)
    [(error,)] = shop.query("SELECT last_error FROM jobs")
    assert error.startswith("InvalidTextRepresentation: invalid input syntax")
    assert "SELECT" not in error


def test_a_collision_is_repeated_at_once_within_the_same_attempt(shop):
    shop.enqueue("job_app.collide", label="x", times=2)
    assert run_waiting(shop.registry) == 1
    assert shop.labels() == ["x"]
    assert len(shop.labels("marks")) == 3


def test_a_third_collision_counts_as_a_failure(shop):
    shop.enqueue("job_app.collide", label="x", times=3)
    with pytest.raises(Exception, match="collision"):
        run_waiting(shop.registry)
    assert shop.labels() == []
    assert shop.query("SELECT attempts, last_error FROM jobs") == [(1, "SerializationFailure: collision")]


def test_an_interrupted_run_is_given_back_without_counting(shop):
    shop.enqueue("job_app.interrupt", label="x")
    with pytest.raises(KeyboardInterrupt):
        run_waiting(shop.registry)
    assert shop.labels() == []
    assert shop.query("SELECT attempts, lease_until, lease_token, last_error FROM jobs") == [(0, None, None, "")]


def test_a_job_that_kills_its_workers_is_not_given_to_every_one_of_them(shop):
    shop.enqueue("job_app.record", label="poison")
    shop.query("UPDATE jobs SET attempts = 12")
    with pytest.raises(WorkersDied):
        run_waiting(shop.registry)
    [(attempts, dead, error)] = shop.query("SELECT attempts, dead_at IS NOT NULL, last_error FROM jobs")
    assert (attempts, dead, error[:25]) == (13, True, "WorkersDied: 12 runs have")
    assert shop.labels() == []


def test_a_job_of_a_disabled_plugin_is_left_waiting_untouched(shop):
    shop.query("INSERT INTO jobs (name) VALUES ('gone.job')")
    before = shop.query("SELECT * FROM jobs")
    shop.enqueue("job_app.record", label="mine")
    assert run_waiting(shop.registry) == 1
    assert shop.query("SELECT * FROM jobs") == before


def test_a_job_outside_a_transaction_sees_none_open_and_is_acknowledged(shop):
    shop.enqueue("job_app.call_out", label="call")
    assert run_waiting(shop.registry) == 1
    assert shop.labels("marks") == ["call: 0 open"]
    assert shop.query("SELECT * FROM jobs") == []


def test_a_kept_lease_is_renewed_and_a_lost_one_is_not(shop):
    for label in ("kept", "lost"):
        shop.enqueue("job_app.record", label=label)
    kept, lost = claim_next(shop.registry), claim_next(shop.registry)
    shop.query(EXPIRE)
    shop.query("UPDATE jobs SET lease_token = gen_random_uuid() WHERE id = :id", id=lost.id)
    with autocommit(shop.registry["engine"]).connect() as connection:
        assert queue.renew(connection, [kept, lost], 60) == 1
    rows = shop.query("SELECT id FROM jobs WHERE lease_until > market_clock()")
    assert rows == [(kept.id,)]


def test_the_keeper_renews_what_is_held_and_gives_it_back_at_the_end(shop):
    shop.enqueue("job_app.record", label="x")
    lease = claim_next(shop.registry)
    shop.query(EXPIRE)
    keeper = LeaseKeeper(autocommit(shop.registry["engine"]), 0.3)
    keeper.start()
    holding = keeper.holding(lease)
    holding.__enter__()
    shop.eventually(lambda: shop.query("SELECT 1 FROM jobs WHERE lease_until > market_clock()"))
    keeper.stop()
    holding.__exit__(None, None, None)
    assert shop.query("SELECT attempts, lease_until, lease_token FROM jobs") == [(0, None, None)]
    with pytest.raises(LeaseLost):
        run(shop.registry, lease)
    assert shop.labels() == []
