"""A process that dies after sending and before writing it down: the message comes again, under the same id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from marketcore_webhooks.claiming import claim
from marketcore_webhooks.courier import deliver

PROGRAM = """
import json, os
from marketcore.config import configure
configure(json.loads(os.environ["SETTINGS"])).registry["webhooks_courier"].drain(60)
"""


def test_a_message_whose_sender_is_killed_before_it_notes_the_answer_is_sent_again_under_its_id(owner, receiver):
    delivery = owner.test(owner.add(receiver.url))
    environment = {
        **os.environ,
        "SETTINGS": json.dumps(owner.market.settings),
        "MARKETCORE_CRASH_AT": "webhooks.sent",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    died = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], env=environment, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    assert receiver.ids() == [delivery["message_id"]]
    owner.courier.drain(20)
    assert len(receiver.received) == 1, "its lease still holds"
    assert owner.delivery(delivery)["state"] == "waiting"
    owner.travel("5 minutes")
    owner.courier.drain(20)
    assert receiver.ids() == [delivery["message_id"]] * 2
    assert (owner.delivery(delivery)["state"], owner.delivery(delivery)["tries"]) == ("delivered", 2)


def test_who_comes_back_after_the_lease_has_ended_changes_nothing(owner, receiver):
    delivery = owner.test(owner.add(receiver.url))
    registry = owner.market.registry
    with registry["engine"].begin() as connection:
        (late,) = claim(connection, slots=1, failing=False, lease_seconds=60)
    owner.travel("5 minutes")
    owner.courier.drain(20)
    done = owner.delivery(delivery)
    assert done["state"] == "delivered"
    receiver.headers["Retry-After"] = "1"
    deliver(registry, owner.courier.poster, late)
    assert owner.delivery(delivery) == done
