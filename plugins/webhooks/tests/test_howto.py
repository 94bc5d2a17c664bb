"""The receiver and the commands of docs/howto/receive-webhooks.md, as they are pasted."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from marketcore_webhooks.rules.messages import TYPES

from .owners import Owner
from .receivers import eventually

PAGE = (Path(__file__).parents[3] / "docs/howto/receive-webhooks.md").read_text()
(RECEIVER,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ADD, TEST, LIST, REPLAY = re.findall(r"^\$ (curl .+)$", PAGE, re.MULTILINE)


class Reader:
    """Somebody who pastes what the page says into a shell and a file."""

    def __init__(self, owner, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.folder, self.port = folder, port
        self.variables = {
            "SHOP": owner.market.url,
            "TOKEN": owner.http.headers["authorization"].removeprefix("Bearer "),
            "URL": f"http://127.0.0.1:{port}/",
            "SINCE": "2026-01-01T00:00:00Z",
        }

    def paste(self, command):
        environment = {**os.environ, **self.variables, "NO_PROXY": "*"}
        done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def start(self, secret):
        program = self.folder / "receiver.py"
        program.write_text(RECEIVER)
        environment = {**os.environ, "PORT": str(self.port), "WEBHOOK_SECRET": secret}
        out = (self.folder / "printed").open("w")
        self.process = subprocess.Popen([sys.executable, program], env=environment, stdout=out, stderr=out)
        out.close()
        eventually(self.listens)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def printed(self):
        lines = (self.folder / "printed").read_text().splitlines()
        return [line for line in lines if not line.startswith("127.0.0.1")]

    def stop(self):
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def reader(owner, tmp_path):
    return Reader(owner, tmp_path)


def test_the_page_works_as_written(hooks, owner, reader):
    endpoint = reader.paste(ADD)
    assert endpoint["event_types"] == ["order.paid", "order.cancelled"]
    reader.variables["ENDPOINT"] = str(endpoint["id"])
    reader.start(endpoint["secret"])
    try:
        reader.paste(TEST)
        owner.courier.drain(20)
        [delivery] = reader.paste(LIST)["items"]
        assert (delivery["state"], delivery["last_status"]) == ("delivered", 204)
        assert reader.printed() == [f"webhook.test {{'endpoint_id': {endpoint['id']}}}"]
        assert reader.paste(REPLAY) == {"deliveries": 1}
        owner.courier.drain(20)
        assert owner.delivery(delivery)["state"] == "delivered"
        assert len(reader.printed()) == 1, "the receiver knows the id"
        with_another_secret_it_is_refused(owner, reader)
    finally:
        reader.stop()


def with_another_secret_it_is_refused(owner, reader):
    forger = Owner(owner.market)
    _endpoint, delivery = forger.send(reader.variables["URL"])
    assert (delivery["state"], delivery["last_status"]) == ("waiting", 401)
    assert len(reader.printed()) == 1


def test_the_page_lists_every_type_and_no_other():
    (table,) = re.findall(r"^\| types \|.*\n\|---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    listed = []
    for row in table.splitlines():
        first, *rest = re.findall(r"`([^`]+)`", row.split("|")[1])
        listed += [first + state for state in rest] if first.endswith(".") else [first]
    assert sorted(listed) == sorted(TYPES)
