"""Worker processes: killed, stopped and overtaken, none of them loses or doubles a job."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress

import pytest


def began(shop, label: str) -> bool:
    return f"{label} began" in shop.labels("marks")


def is_stopping(shop) -> bool:
    """Whether the only worker has heard its signal: it no longer listens for new jobs."""
    return not shop.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'")


def open_gate(shop, label: str) -> None:
    shop.query("INSERT INTO marks (label) VALUES (:label)", label=label)


def test_a_worker_killed_in_the_middle_of_a_job_is_replaced_and_the_effect_is_there_once(shop):
    victim = shop.worker(lease_seconds=2)
    shop.enqueue("job_app.hold", label="sale", until="gate")
    shop.eventually(lambda: began(shop, "sale"))
    victim.send_signal(signal.SIGKILL)
    victim.wait(10)
    assert len(shop.query("SELECT * FROM jobs")) == 1
    assert shop.labels() == []
    open_gate(shop, "gate")
    shop.worker(lease_seconds=2)
    shop.await_empty()
    assert shop.labels() == ["sale"]
    assert shop.labels("marks").count("sale began") == 2


@pytest.mark.parametrize("point", ["jobs.claimed", "jobs.before_ack", "jobs.before_commit", "jobs.committed"])
def test_a_worker_that_dies_at_any_point_of_a_run_leaves_the_effect_there_once(shop, point):
    shop.enqueue("job_app.record", label="sale")
    victim = shop.worker(lease_seconds=1, crash_at=point)
    assert victim.wait(30) == -signal.SIGKILL
    survived = point == "jobs.committed"
    assert shop.labels() == (["sale"] if survived else [])
    assert len(shop.query("SELECT * FROM jobs")) == (0 if survived else 1)
    shop.worker(lease_seconds=1)
    shop.await_empty()
    assert shop.labels() == ["sale"]


def test_a_call_to_the_outside_is_repeated_when_its_worker_dies_before_the_acknowledgement(shop):
    shop.enqueue("job_app.call_out", label="call")
    victim = shop.worker(lease_seconds=1, crash_at="jobs.before_ack")
    assert victim.wait(30) == -signal.SIGKILL
    shop.worker(lease_seconds=1)
    shop.await_empty()
    assert len(shop.labels("marks")) == 2


def test_a_long_job_keeps_its_lease_while_other_workers_are_idle(shop):
    for _number in range(2):
        shop.worker(lease_seconds=1)
    shop.enqueue("job_app.hold", label="long", until="gate")
    shop.eventually(lambda: began(shop, "long"))
    [(claimed,)] = shop.query("SELECT lease_until FROM jobs")
    shop.eventually(
        lambda: shop.query("SELECT 1 FROM jobs WHERE lease_until > :lease + interval '2 seconds'", lease=claimed)
    )
    open_gate(shop, "gate")
    shop.await_empty()
    assert shop.labels() == ["long"]
    assert shop.labels("marks").count("long began") == 1


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_worker_finishes_its_job_and_begins_no_other(shop, signum):
    worker = shop.worker(threads=1)
    shop.enqueue("job_app.hold", label="running", until="gate")
    shop.eventually(lambda: began(shop, "running"))
    assert not is_stopping(shop)
    worker.send_signal(signum)
    shop.eventually(lambda: is_stopping(shop))
    shop.enqueue("job_app.record", label="too late")
    open_gate(shop, "gate")
    assert worker.wait(30) == 0
    assert shop.labels() == ["running"]
    assert [name for (name,) in shop.query("SELECT name FROM jobs")] == ["job_app.record"]


def test_a_job_that_does_not_finish_in_time_is_given_back_to_other_workers(shop):
    worker = shop.worker(shutdown_seconds=0.2, lease_seconds=3600)
    shop.enqueue("job_app.hold", label="endless", until="gate")
    shop.eventually(lambda: began(shop, "endless"))
    assert shop.stop(worker) == 0
    assert shop.query("SELECT attempts, lease_until, lease_token FROM jobs") == [(0, None, None)]
    assert shop.labels() == []
    open_gate(shop, "gate")
    shop.worker()
    shop.await_empty()
    assert shop.labels() == ["endless"]


def test_a_second_signal_ends_the_wait_for_running_jobs(shop):
    worker = shop.worker(shutdown_seconds=600)
    shop.enqueue("job_app.hold", label="endless", until="gate")
    shop.eventually(lambda: began(shop, "endless"))
    worker.send_signal(signal.SIGTERM)
    shop.eventually(lambda: is_stopping(shop))
    # A signal that comes before the wait has begun only ends the wait before it: whoever sees no end sends another.
    for _signal in range(3):
        worker.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            worker.wait(10)
            break
    assert worker.returncode == 0
    assert shop.query("SELECT attempts, lease_until, lease_token FROM jobs") == [(0, None, None)]
    assert shop.labels() == []


def test_many_jobs_and_several_workers_have_every_effect_once(shop):
    for _number in range(2):
        shop.worker()
    expected = [f"job {number}" for number in range(200)]
    for label in expected:
        shop.enqueue("job_app.follow", label=label)
    shop.await_empty()
    assert sorted(shop.labels()) == sorted([*expected, *(f"{label} followed" for label in expected)])


def test_delayed_jobs_and_jobs_nobody_announced_are_found_by_polling(shop):
    shop.worker()
    shop.enqueue("job_app.record", label="delayed", delay_seconds=0.5)
    shop.query("""INSERT INTO jobs (name, arguments) VALUES ('job_app.record', '{"label": "silent"}')""")
    shop.await_empty()
    assert sorted(shop.labels()) == ["delayed", "silent"]


def test_a_worker_lives_through_the_loss_of_all_its_connections(shop):
    worker = shop.worker()
    shop.enqueue("job_app.record", label="before")
    shop.await_empty()
    shop.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    shop.registry["engine"].dispose()
    shop.enqueue("job_app.record", label="after")
    shop.await_empty()
    assert shop.labels() == ["before", "after"]
    assert worker.poll() is None
    assert shop.stop(worker) == 0
