import http.client
import socket
import threading

import httpx
import pytest

from marketcore_simulator.courier import is_loopback
from marketcore_simulator.scripts import OUTCOME, TRANSPORT, Script, parse_script
from marketcore_simulator.server import SimulatorServer


def choose(http, script, operation="push", **more):
    document = {"face": "daraja", "operation": operation, "script": script, **more}
    return http.post("/_sim/scripts", json=document)


# Scripts for the exchange


@pytest.mark.parametrize(
    ("script", "status", "kind"),
    [
        ("http_500", 500, "application/json"),
        ("http_429", 429, "application/json"),
        ("html_error", 503, "text/html"),
    ],
)
def test_an_error_script_answers_without_recording(http, merchant, simulator, script, status, kind):
    choose(http, script)
    answer = merchant.push()
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(kind)
    assert simulator.app.daraja.desk.prompts.all() == []


@pytest.mark.parametrize(("script", "recorded"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_closes_without_a_byte(http, merchant, simulator, script, recorded):
    choose(http, script)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        merchant.push()
    assert len(simulator.app.daraja.desk.prompts.all()) == recorded


def test_a_hanging_request_is_recorded_though_its_answer_does_not_come(http, merchant, simulator):
    choose(http, "hang(500)")
    http.timeout = 0.3
    with pytest.raises(httpx.ReadTimeout):
        merchant.push()
    assert len(simulator.app.daraja.desk.prompts.all()) == 1


def test_a_hanging_request_is_answered_in_the_end(http, merchant):
    choose(http, "hang(0.05)")
    assert merchant.push().status_code == 200


def test_stopping_the_simulator_ends_every_wait():
    server = SimulatorServer().start()
    waiting = threading.Thread(target=server.world.wait, args=(500,))
    waiting.start()
    server.stop()
    waiting.join(10)
    assert not waiting.is_alive()


def test_scripts_are_used_in_the_order_chosen_as_often_as_asked_and_can_be_cleared(http, merchant):
    choose(http, "http_429", times=2)
    choose(http, "http_500")
    assert [merchant.push().status_code for _ in range(3)] == [429, 429, 500]
    choose(http, "http_500", times=5)
    assert http.delete("/_sim/scripts").json() == {"queued": [], "bound": []}
    assert merchant.push().status_code == 200


def test_a_script_waits_for_its_own_operation(http, merchant):
    choose(http, "http_500", "query")
    asked = merchant.push()
    assert asked.status_code == 200
    assert merchant.query(asked.json()["CheckoutRequestID"]).json()["errorCode"] == "500.003.1001"


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"operation": "push", "script": "ok"}, "face"),
        ({"face": "other", "operation": "push", "script": "ok"}, "other"),
        ({"face": "daraja", "operation": "refund", "script": "ok"}, "refund"),
        ({"face": "daraja", "operation": "push", "script": "explode"}, "explode"),
        ({"face": "daraja", "operation": "push"}, "script"),
        ({"face": "daraja", "operation": "push", "script": "ok", "times": 0}, "times"),
    ],
)
def test_a_script_that_cannot_be_is_refused_by_name(http, document, named):
    answer = http.post("/_sim/scripts", json=document)
    assert answer.status_code == 400
    assert named in answer.json()["problem"]


@pytest.mark.parametrize("name", sorted((TRANSPORT | OUTCOME) - {"hang", "slow_callback", "dup_callback", "result"}))
def test_plain_scripts_take_no_number(name):
    assert parse_script(name) == Script(name)
    with pytest.raises(ValueError, match="takes no number"):
        parse_script(f"{name}(3)")


@pytest.mark.parametrize("name", ["hang", "slow_callback", "dup_callback", "result"])
def test_counted_scripts_need_a_number(name):
    assert parse_script(f"{name}(3)") == Script(name, 3)
    with pytest.raises(ValueError, match="needs a number"):
        parse_script(name)


# Settings, clock, log, reset


def test_settings_are_read_and_changed_together(http):
    assert http.post("/_sim/config", json={"approve_after": 1, "max_amount": 500}).json()["approve_after"] == 1
    assert http.get("/_sim/config").json()["max_amount"] == 500


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"aprove_after": 1}, "aprove_after"),
        ({"approve_after": "soon"}, "approve_after"),
        ({"approve_after": -1}, "approve_after"),
        ({"max_amount": 1.5}, "max_amount"),
        ({"max_amount": True}, "max_amount"),
        ({"one_prompt_per_phone": 1}, "one_prompt_per_phone"),
    ],
)
def test_a_bad_setting_is_named_and_changes_nothing(http, changes, named):
    before = http.get("/_sim/config").json()
    answer = http.post("/_sim/config", json={"cancel_after": 9, **changes})
    assert answer.status_code == 400
    assert named in answer.json()["problem"]
    assert http.get("/_sim/config").json() == before


def test_the_clock_is_shifted_by_seconds(http):
    http.post("/_sim/clock", json={"shift": 100}).raise_for_status()
    assert http.post("/_sim/clock", json={"shift": 30.5}).json()["shift"] == 130.5
    assert http.get("/_sim/clock").json()["shift"] == 130.5


@pytest.mark.parametrize("shift", ["1", None, 1e300])
def test_a_shift_that_is_no_number_of_seconds_is_refused(http, shift):
    assert http.post("/_sim/clock", json={"shift": shift}).status_code == 400


def test_reset_forgets_everything_but_the_identifiers_given_out(http, merchant, simulator):
    first = merchant.push().json()["CheckoutRequestID"]
    choose(http, "http_500")
    http.post("/_sim/clock", json={"shift": 100}).raise_for_status()
    http.post("/_sim/reset").raise_for_status()
    assert http.get("/_sim/daraja/prompts").json() == {"items": []}
    assert http.get("/_sim/events").json() == {"items": []}
    assert http.get("/_sim/scripts").json()["queued"] == []
    assert http.get("/_sim/clock").json()["shift"] == 0
    assert http.get("/_sim/config").json()["approve_after"] == 3
    assert merchant.push().json()["errorCode"] == "404.001.03"
    merchant.token = merchant.fetch_token().json()["access_token"]
    assert merchant.push().json()["CheckoutRequestID"] != first


def test_the_log_tells_what_happened_without_credentials(http, merchant):
    merchant.push()
    log = http.get("/_sim/events", params={"face": "daraja"})
    assert [event["kind"] for event in log.json()["items"]] == ["request", "prompt", "request"]
    assert merchant.token not in log.text
    assert "demo-" not in log.text


def test_prompts_are_listed_by_state(http, merchant):
    asked = merchant.push().json()["CheckoutRequestID"]
    waiting = http.get("/_sim/daraja/prompts", params={"state": "prompted"}).json()["items"]
    assert [prompt["checkout_request_id"] for prompt in waiting] == [asked]
    assert http.get("/_sim/daraja/prompts", params={"state": "approved"}).json()["items"] == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/_sim/reset", 405),
        ("GET", "/_sim/daraja/prompts/ws_CO_nobody", 404),
        ("POST", "/_sim/daraja/prompts/ws_CO_nobody/approve", 404),
        ("POST", "/_sim/events/999999/redeliver", 404),
        ("POST", "/_sim/events/abc/redeliver", 404),
    ],
)
def test_what_does_not_exist_is_said_so(http, method, path, status):
    assert http.request(method, path).status_code == status


def test_an_undeliverable_event_and_an_unknown_decision_are_refused(http, merchant):
    asked = merchant.push().json()["CheckoutRequestID"]
    assert http.post(f"/_sim/daraja/prompts/{asked}/explode").status_code == 404
    event = http.get("/_sim/events").json()["items"][0]
    assert event["redeliverable"] is False
    assert http.post(f"/_sim/events/{event['id']}/redeliver").status_code == 400


# Who may call


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "example.org", ""])
def test_the_simulator_binds_to_loopback_only(host):
    with pytest.raises(ValueError, match="not a loopback address"):
        SimulatorServer(host=host)


def test_a_foreign_host_name_or_page_is_refused(http):
    assert http.get("/", headers={"Host": "shop.example"}).status_code == 403
    assert http.post("/_sim/reset", headers={"Origin": "https://shop.example"}).status_code == 403
    assert http.post("/_sim/reset", headers={"Origin": "null"}).status_code == 403


def test_a_body_beyond_the_limit_is_refused(simulator):
    connection = http.client.HTTPConnection(simulator.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/_sim/config")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


def test_a_stopped_simulator_frees_its_port():
    server = SimulatorServer()
    port = int(server.url.rpartition(":")[2])
    server.start().stop()
    socket.create_server(("127.0.0.1", port)).close()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        (None, False),
    ],
)
def test_loopback_is_this_machine_alone(host, loopback):
    assert is_loopback(host) is loopback
