"""A job is written with the change that needs it, or not at all."""

from __future__ import annotations

import uuid
from decimal import Decimal

import psycopg
import pytest

from marketcore.db.session import work
from marketcore.jobs.calling import CHANNEL
from marketcore.jobs.enqueueing import UnknownJob, enqueue
from marketcore.jobs.running import run_waiting


def in_unit_of_work(shop, function):
    with work(shop.registry) as request:
        return function(request)


def enqueue_and_fail(request):
    request.enqueue("job_app.record", label="never")
    raise RuntimeError("changed my mind")


def test_a_rolled_back_transaction_leaves_no_job(shop):
    with pytest.raises(RuntimeError, match="changed my mind"):
        in_unit_of_work(shop, enqueue_and_fail)
    assert shop.query("SELECT * FROM jobs") == []


def test_a_job_is_invisible_until_the_commit_and_runs_after_it(shop):
    with work(shop.registry) as request:
        request.enqueue("job_app.record", label="sold")
        assert shop.query("SELECT * FROM jobs") == []
        assert run_waiting(shop.registry) == 0
    assert run_waiting(shop.registry) == 1
    assert shop.labels() == ["sold"]
    assert shop.query("SELECT * FROM jobs") == []


def test_workers_are_called_after_the_commit_and_for_nothing_that_is_rolled_back_or_due_later(shop):
    plain = shop.registry["engine"].url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        with pytest.raises(RuntimeError):
            in_unit_of_work(shop, enqueue_and_fail)
        shop.enqueue("job_app.record", label="later", delay_seconds=3600)
        assert list(listener.notifies(timeout=0.2)) == []
        shop.enqueue("job_app.record", label="sold")
        assert [call.channel for call in listener.notifies(timeout=30, stop_after=1)] == [CHANNEL]


def test_a_job_whose_call_is_lost_is_found_by_looking(shop, monkeypatch):
    monkeypatch.setattr(shop.registry["job caller"], "call", lambda: None)
    shop.worker()
    shop.enqueue("job_app.record", label="sold")
    shop.await_empty()
    assert shop.labels() == ["sold"]


def test_a_service_without_a_request_enqueues_through_its_session(shop):
    with work(shop.registry) as request:
        job_id = enqueue(request.db, shop.registry, "job_app.record", label="service", priority=7)
    assert shop.query("SELECT id, name, arguments, priority FROM jobs") == [
        (job_id, "job_app.record", {"label": "service"}, 7)
    ]


def test_a_job_may_enqueue_another_in_its_own_transaction(shop):
    shop.enqueue("job_app.follow", label="order")
    assert run_waiting(shop.registry) == 2
    assert shop.labels() == ["order", "order followed"]


def test_an_unknown_name_is_refused_and_the_nearest_one_named(shop):
    with pytest.raises(UnknownJob, match=r"no job 'job_app\.recrod': did you mean 'job_app\.record'\?"):
        shop.enqueue("job_app.recrod", label="x")


def test_an_unknown_name_like_no_other_is_refused_with_the_remedy(shop):
    with pytest.raises(UnknownJob, match=r"register it with config\.add_job or enable its plugin"):
        shop.enqueue("zzz", label="x")


@pytest.mark.parametrize(
    "value",
    [
        Decimal("1.00"),
        uuid.UUID(int=1),
        b"bytes",
        float("nan"),
        {1: "a key that is no text"},
        (1, 2),
        "NUL \x00",
        "NUL after a backslash \\\\\x00",
        "half a pair \ud800",
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_argument_that_json_cannot_keep_is_refused_by_name(shop, value):
    with pytest.raises(TypeError, match=r"the job 'job_app\.record' cannot keep label"):
        shop.enqueue("job_app.record", label=value)


@pytest.mark.parametrize("label", ["", "a \\u0000 that is only text", "\\", "żółć 🦊", "new\nline"])
def test_any_other_text_arrives_as_it_was(shop, label):
    shop.enqueue("job_app.record", label=label)
    run_waiting(shop.registry)
    assert shop.labels() == [label]


def test_arguments_that_the_function_does_not_take_are_refused_at_once(shop):
    with pytest.raises(TypeError, match=r"'job_app\.record' cannot be called with \(lable\): missing a required"):
        shop.enqueue("job_app.record", lable="x")


def test_the_most_urgent_job_runs_first_and_equals_in_order(shop):
    for label, priority in (("first", 0), ("second", 0), ("urgent", 5), ("never mind", -5)):
        shop.enqueue("job_app.record", label=label, priority=priority)
    run_waiting(shop.registry)
    assert shop.labels() == ["urgent", "first", "second", "never mind"]


def test_a_delayed_job_waits_for_its_time_by_the_database_clock(shop):
    shop.enqueue("job_app.record", label="later", delay_seconds=3600)
    assert run_waiting(shop.registry) == 0
    database = shop.registry["engine"].url.database
    shop.query(f"ALTER DATABASE {database} SET marketcore.clock_shift = '59 minutes'")
    shop.registry["engine"].dispose()
    assert run_waiting(shop.registry) == 0
    shop.query(f"ALTER DATABASE {database} SET marketcore.clock_shift = '61 minutes'")
    shop.registry["engine"].dispose()
    assert run_waiting(shop.registry) == 1
    assert shop.labels() == ["later"]
