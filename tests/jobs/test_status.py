"""What an operator sees of the queue and can do about it."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from prometheus_client import CollectorRegistry, generate_latest

from marketcore.db.metadata import core_metadata
from marketcore.db.session import work
from marketcore.jobs.running import claim_next, run_waiting
from marketcore.jobs.status import JobCollector, purge, retry, status


@pytest.fixture
def busy(shop):
    """One running, two waiting (for at least an hour), one delayed and two dead jobs."""
    shop.enqueue("job_app.record", label="running", priority=1)
    assert claim_next(shop.registry)
    for label in ("one", "two"):
        shop.enqueue("job_app.record", label=label)
    shop.query("UPDATE jobs SET run_at = run_at - interval '1 hour' WHERE lease_token IS NULL")
    shop.enqueue("job_app.record", label="delayed", delay_seconds=3600)
    for days in (1, 40):
        shop.query(
            "INSERT INTO jobs (name, arguments, attempts, last_error, dead_at) "
            "VALUES ('job_app.follow', '{\"label\": \"dead\"}', 3, 'Error: x', "
            "market_clock() - make_interval(days => :days))",
            days=days,
        )
    return shop


def test_K10_jobs_are_counted_by_name_and_state(busy):
    with work(busy.registry) as request:
        follow, record = status(request.db)
    assert (follow.name, follow.waiting, follow.delayed, follow.running, follow.dead) == ("job_app.follow", 0, 0, 0, 2)
    assert (record.name, record.waiting, record.delayed, record.running, record.dead) == ("job_app.record", 2, 1, 1, 0)
    assert record.oldest_seconds > 3599
    assert follow.oldest_seconds == 0


def test_K10_all_dead_jobs_can_be_retried(busy):
    with work(busy.registry) as request:
        assert retry(request.db) == 2
    run_waiting(busy.registry)
    assert busy.labels().count("dead") == 2


def test_retrying_a_job_that_is_not_dead_changes_nothing(busy):
    before = busy.query("SELECT * FROM jobs ORDER BY id")
    with work(busy.registry) as request:
        assert retry(request.db, before[0].id) == 0
    assert busy.query("SELECT * FROM jobs ORDER BY id") == before


def test_only_jobs_that_have_been_dead_long_enough_are_purged(busy):
    with work(busy.registry) as request:
        assert purge(request.db, older_than_days=30) == 1
    assert busy.query("SELECT count(*) FROM jobs WHERE dead_at IS NOT NULL") == [(1,)]
    assert busy.query("SELECT count(*) FROM jobs") == [(5,)]


def test_the_queue_is_shown_to_prometheus(busy):
    collectors = CollectorRegistry()
    collectors.register(JobCollector(busy.registry["engine"]))
    page = generate_latest(collectors).decode()
    assert 'marketcore_jobs{name="job_app.record",state="waiting"} 2.0' in page
    assert 'marketcore_jobs{name="job_app.follow",state="dead"} 2.0' in page
    assert 'marketcore_jobs_oldest_seconds{name="job_app.record"} 36' in page


def test_the_tables_are_as_the_models_say(shop):
    with shop.registry["engine"].connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": _only_jobs})
        assert compare_metadata(context, core_metadata()) == []


def _only_jobs(_entry, name, kind, _reflected, _other):
    return kind != "table" or name in {"jobs", "job_ticks"}
