"""What ``marketcore run`` starts, and when it counts as started."""

from __future__ import annotations

import re
import socket

import pytest

from marketcore.cli.running import address_of, announce, answers, environment, started
from marketcore.config import configure
from marketcore.directives import Process, table
from marketcore.exceptions import ConfigurationError

NOWHERE = {
    "marketcore.database_url": "postgresql://nobody@127.0.0.1:1/none",
    "marketcore.redis_url": "redis://127.0.0.1:1/0",
    "marketcore.secret": "x" * 40,
}


def registry(tmp_path, **settings):
    given = {key.replace("__", "."): value for key, value in settings.items()}
    return configure({**NOWHERE, "marketcore.data_dir": str(tmp_path), **given}).registry


@pytest.mark.parametrize(("environment", "there"), [("development", True), ("production", False)])
def test_processes_for_development_start_there_alone(miniatures, tmp_path, environment, there):
    miniatures("rehearsal")
    found = started(registry(tmp_path, marketcore__plugins="rehearsal", marketcore__environment=environment))
    assert ("rehearsal" in found) is there
    assert {"web", "live", "worker"} <= set(found)


def test_a_process_is_looked_for_where_its_settings_say(tmp_path):
    market = registry(tmp_path, web__host="0.0.0.0", web__port="8123")
    assert address_of(market, table(market, "processes")["web"]) == ("0.0.0.0", 8123)
    assert address_of(market, table(market, "processes")["worker"]) is None


def test_a_process_on_any_free_port_has_no_address_to_wait_for(miniatures, tmp_path):
    miniatures("good")
    market = registry(tmp_path, marketcore__plugins="good")
    assert address_of(market, table(market, "processes")["good_sweeper"]) is None


def test_front_pages_are_printed_with_the_address_of_the_process_that_serves_them(miniatures, tmp_path, capsys):
    miniatures("good")
    market = registry(tmp_path, marketcore__plugins="good")
    announce(market, started(market), {"web": ("127.0.0.1", 8123)})
    printed = capsys.readouterr().out
    assert re.search(r"good_things +http://127\.0\.0\.1:8123/api/v1/good/things +good things$", printed, re.MULTILINE)
    announce(market, started(market), {})
    assert "good_things" not in capsys.readouterr().out


@pytest.mark.parametrize("setting", ["web.prot", "nobody.port"])
def test_a_port_setting_that_does_not_exist_is_named(tmp_path, setting):
    market = registry(tmp_path)
    process = Process("odd", print, port_setting=setting, development_only=False, page="", about="")
    with pytest.raises(
        ConfigurationError, match=f"'odd' says that its port is the setting '{setting}', which no schema"
    ):
        address_of(market, process)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", ""])
def test_a_process_is_ready_when_its_port_answers_and_not_before(host):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        ready = answers(host, listener.getsockname()[1])
        with pytest.raises(ConnectionRefusedError):
            ready()
        listener.listen()
        assert ready()


def test_children_use_the_servers_that_run(monkeypatch):
    monkeypatch.setenv("PAYMENTS_KEY", "kept")
    settings = {"marketcore.database_url": "postgresql://here/shop", "marketcore.redis_url": "redis://here/0"}
    child = environment(settings)
    assert child["MARKETCORE_DATABASE_URL"] == "postgresql://here/shop"
    assert child["MARKETCORE_REDIS_URL"] == "redis://here/0"
    assert child["PAYMENTS_KEY"] == "kept"
