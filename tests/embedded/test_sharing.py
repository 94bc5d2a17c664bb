"""Servers shared between processes, and what is left of them when a process dies."""

import json
import os
import signal
import threading

import psycopg
import pytest
import redis

from marketcore.embedded import normal_database_url, running_servers

EMBEDDED = {"database_url": "embedded", "redis_url": "embedded"}


def told(starter) -> dict:
    return json.loads(starter.stdout.readline())


def usable(urls) -> bool:
    with psycopg.connect(urls[0].replace("+psycopg", "")) as connection:
        answered = connection.execute("SELECT 1").fetchone() == (1,)
    with redis.Redis.from_url(urls[1]) as client:
        return client.ping() and answered


def test_both_servers_run_for_the_length_of_the_block(tmp_path, processes):
    others = set(processes.children(os.getpid()))
    with running_servers(tmp_path, **EMBEDDED, durable=False) as urls:
        assert usable(urls)
        servers = set(processes.children(os.getpid())) - others
    assert servers
    assert not any(processes.running(pid) for pid in servers)


def test_a_second_process_uses_the_servers_of_the_first_and_leaves_them_running(tmp_path, processes):
    first = told(processes.script("starter.py", {"folder": str(tmp_path)}))
    for _ in range(2):
        with running_servers(tmp_path, **EMBEDDED) as urls:
            assert list(urls) == first["urls"]
            assert usable(urls)
    assert all(processes.running(pid) for pid in first["pids"])


def test_a_block_inside_a_block_shares_its_servers(tmp_path):
    with running_servers(tmp_path, **EMBEDDED, durable=False) as outer:
        with running_servers(tmp_path, **EMBEDDED, durable=False) as inner:
            assert inner == outer
        assert usable(outer)


def test_processes_that_start_together_get_one_server(tmp_path, processes):
    starters = [processes.script("starter.py", {"folder": str(tmp_path)}) for _ in range(3)]
    told_by = [told(starter) for starter in starters]
    assert len({tuple(each["urls"]) for each in told_by}) == 1
    for server in (0, 1):
        assert [each["pids"][server] is not None for each in told_by].count(True) == 1
    assert usable(told_by[0]["urls"])


def test_whoever_comes_while_a_server_goes_down_starts_it_again(postgres):
    leaving, coming = postgres(), postgres()
    leaving.start()
    departure = threading.Thread(target=leaving.stop)
    departure.start()
    departure.join(0.005)
    url = coming.start()
    departure.join()
    url = coming.start()
    assert coming.running_url() == url


def test_a_copied_folder_does_not_lead_to_the_server_of_the_original(postgres, tmp_path):
    original, copy = postgres(), postgres(tmp_path / "copy")
    original.start()
    copy.folder.mkdir()
    for name in ("password", "state.json"):
        (copy.folder / name).write_text((original.folder / name).read_text())
    assert copy.running_url() is None


@pytest.mark.parametrize("thread", [False, True], ids=["main thread", "a thread that has ended"])
def test_no_server_outlives_a_killed_starter(tmp_path, processes, mode, thread):
    starter = processes.script("starter.py", {"folder": str(tmp_path), "mode": mode, "thread": thread})
    started = told(starter)
    assert usable(started["urls"])
    assert_gone_with(starter, started, processes)


def test_the_kernel_alone_ends_the_servers_of_a_killed_starter(tmp_path, processes, mode):
    starter = processes.script("starter.py", {"folder": str(tmp_path), "mode": mode})
    started = told(starter)
    guards = set(processes.children(starter.pid)) - set(started["pids"])
    for guard in guards:
        os.kill(guard, signal.SIGKILL)
    assert len(guards) == 2
    assert_gone_with(starter, started, processes)


def test_the_guards_alone_end_the_servers_of_a_killed_starter(tmp_path, processes, mode):
    starter = processes.script("starter.py", {"folder": str(tmp_path), "mode": mode, "kernel": False})
    assert_gone_with(starter, told(starter), processes)


def assert_gone_with(starter, started, processes) -> None:
    everyone = [*processes.children(starter.pid), *processes.children(started["pids"][0])]
    assert set(started["pids"]) < set(everyone)
    starter.kill()
    assert processes.eventually(lambda: not any(map(processes.running, everyone)))


def test_a_cluster_whose_starter_was_killed_is_started_by_the_next(tmp_path, processes):
    starter = processes.script("starter.py", {"folder": str(tmp_path)})
    told(starter)
    starter.kill()
    starter.wait()  # a signal takes effect when the kernel gets to it
    with running_servers(tmp_path, **EMBEDDED, durable=False) as urls:
        assert usable(urls)


def test_a_starter_killed_at_any_moment_leaves_nothing_in_the_way(tmp_path, processes):
    starter = processes.script("starter.py", {"folder": str(tmp_path)})
    assert processes.eventually((tmp_path / "postgres/cluster.new").exists)
    starter.kill()
    with running_servers(tmp_path, **EMBEDDED, durable=False) as urls:
        assert usable(urls)


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("postgresql://u:p@db.example:5432/shop", "postgresql+psycopg://u:p@db.example:5432/shop"),
        ("postgres://db.example/shop", "postgresql+psycopg://db.example/shop"),
        ("postgresql+psycopg://db.example/shop", "postgresql+psycopg://db.example/shop"),
    ],
)
def test_a_url_of_a_server_of_ones_own_is_used_with_psycopg_3(tmp_path, given, normal):
    assert normal_database_url(given) == normal
    with running_servers(tmp_path / "none", database_url=given, redis_url="redis://cache.example/3") as urls:
        assert urls == (normal, "redis://cache.example/3")
    assert not (tmp_path / "none").exists()
