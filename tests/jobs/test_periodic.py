"""Each tick of a periodic job is run once, whoever claims it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from marketcore.directives import Job
from marketcore.jobs.periodic import enqueue_due, ticks_at
from marketcore.jobs.running import run_waiting

# Notes the claimed tick of every run that is enqueued, in the transaction that enqueues it.
WATCH = (
    "CREATE TABLE runs (job bigint, tick bigint)",
    """
    CREATE FUNCTION note_run() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO runs SELECT NEW.id, tick FROM job_ticks WHERE name = NEW.name;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER note AFTER INSERT ON jobs
    FOR EACH ROW WHEN (NEW.name = 'job_app.tick') EXECUTE FUNCTION note_run()
    """,
)
# Notes runs as above but lets none of them wait, so that only the claim can keep a tick from being run twice.
SWALLOW = (
    "DROP TRIGGER note ON jobs",
    """
    CREATE OR REPLACE FUNCTION note_run() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO runs SELECT NEW.id, tick FROM job_ticks WHERE name = NEW.name;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER note BEFORE INSERT ON jobs
    FOR EACH ROW WHEN (NEW.name = 'job_app.tick') EXECUTE FUNCTION note_run()
    """,
)


def test_a_tick_is_the_number_of_whole_periods_since_the_epoch():
    jobs = [Job("a", print, 1, 60), Job("b", print, 1, 7), Job("c", print, 1)]
    assert ticks_at(jobs, 119.9) == {"a": 1, "b": 17}
    assert ticks_at(jobs, 120) == {"a": 2, "b": 17}


def test_three_workers_run_every_tick_once(make_shop):
    shop = make_shop()
    for statement in WATCH:
        shop.query(statement)
    workers = [shop.worker(ticking=True) for _number in range(3)]
    shop.eventually(lambda: len(shop.labels()) >= 5)
    assert [shop.stop(worker) for worker in workers] == [0, 0, 0]
    ticks = [tick for (tick,) in shop.query("SELECT tick FROM runs")]
    assert len(ticks) >= 5
    assert len(set(ticks)) == len(ticks)
    waiting = shop.query("SELECT id FROM jobs WHERE name = 'job_app.tick'")
    assert len(shop.labels()) + len(waiting) == len(ticks)


def test_schedulers_that_race_for_a_tick_claim_it_once(make_shop):
    shop = make_shop(ticking=True)
    for statement in (*WATCH, *SWALLOW):
        shop.query(statement)
    for _round in range(10):
        race(lambda: enqueue_due(shop.registry), contenders=8)
        ticks = [tick for (tick,) in shop.query("SELECT tick FROM runs")]
        assert ticks
        assert len(set(ticks)) == len(ticks)
        shop.query("DELETE FROM runs")
        shop.query("UPDATE job_ticks SET tick = 0")


def race(function, *, contenders):
    barrier = threading.Barrier(contenders)

    def contend():
        barrier.wait(10)
        function()

    with ThreadPoolExecutor(contenders) as pool:
        for contender in [pool.submit(contend) for _number in range(contenders)]:
            contender.result(30)


def test_a_tick_is_passed_over_while_the_last_run_still_waits(make_shop):
    shop = make_shop(ticking=True)
    enqueued, _seconds = enqueue_due(shop.registry)
    assert sorted(enqueued) == ["job_app.failing_tick", "job_app.tick"]
    shop.query("UPDATE job_ticks SET tick = tick - 1")
    assert enqueue_due(shop.registry)[0] == []
    assert shop.query("SELECT count(*) FROM jobs") == [(2,)]


def test_a_periodic_job_that_always_fails_keeps_ticking_and_leaves_one_dead_row(make_shop):
    shop = make_shop(ticking=True)
    for _number in range(3):
        shop.query("UPDATE job_ticks SET tick = 0")
        assert "job_app.failing_tick" in enqueue_due(shop.registry)[0]
        shop.query("DELETE FROM jobs WHERE name = 'job_app.tick'")
        with pytest.raises(RuntimeError, match="no tick"):
            run_waiting(shop.registry)
    assert shop.query("SELECT name, last_error FROM jobs WHERE dead_at IS NOT NULL") == [
        ("job_app.failing_tick", "RuntimeError: no tick")
    ]


def test_a_scheduler_that_dies_while_it_claims_loses_no_tick(shop):
    victim = shop.worker(ticking=True, crash_at="jobs.ticks_claimed")
    victim.wait(30)
    assert shop.query("SELECT * FROM job_ticks") == []
    shop.worker(ticking=True)
    shop.eventually(lambda: "tick" in shop.labels())
