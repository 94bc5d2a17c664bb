"""The server's connections: many, slow, idle, rude, and all answered."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from waitress.wasyncore import close_all

from marketcore.web.server import build_server

BIG = 30_000_000
ASK = b"GET /%s HTTP/1.1\r\nHost: h\r\n\r\n"
Connect = Callable[[], socket.socket]


class Place:
    """An application whose answer depends on the path, and what happened in it."""

    def __init__(self) -> None:
        self.entered, self.go = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"].strip("/")
        body = {"big": b"x" * BIG, "empty": b"", "echo": environ["wsgi.input"].read()}.get(path, path.encode())
        if path == "slow":
            self.entered.set()
            self.go.wait(20)
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]


@pytest.fixture
def place() -> Place:
    """The application that is served."""
    return Place()


@pytest.fixture
def served(place: Place) -> Iterator[Callable[..., Connect]]:
    """Serve ``place`` as ``options`` say; the result connects to it."""
    with ExitStack() as stack:

        def serve(**options: Any) -> Connect:
            settings = {"trusted_proxy": "", "max_upload_bytes": 1000, "connections": 1000}
            server = build_server(place, settings, **{"listen": "127.0.0.1:0", "threads": 4, **options})
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            stack.callback(thread.join, 5)
            listener = next(member for member in server_map(server).values() if getattr(member, "accepting", False))
            stack.callback(lambda: listener.trigger.pull_trigger(lambda: close_all(server_map(server))))
            stack.callback(server.task_dispatcher.shutdown)
            stack.callback(place.go.set)
            ports = [int(member.effective_port) for member in server_map(server).values() if hasattr(member, "adj")]

            def connect(number: int = 0) -> socket.socket:
                return stack.enter_context(closing(socket.create_connection(("127.0.0.1", ports[number]), 20)))

            return connect

        yield serve


def server_map(server: Any) -> Any:
    """Return the descriptors of one listener or of several."""
    return getattr(server, "_map", None) or server.map


def answer(connection: socket.socket) -> bytes:
    """Return the body of the next answer; ``b''`` if the connection ends first."""
    read = connection.makefile("rb", buffering=0)
    length = 0
    while (line := read.readline().strip()) != b"":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    body = b""
    while len(body) < length:
        body += read.read(length - len(body))
    return body


def asked(connection: socket.socket, path: bytes) -> bytes:
    """Return what is answered to a request for ``path``."""
    connection.sendall(ASK % path)
    return answer(connection)


def test_a_connection_is_used_again_and_again(served: Any) -> None:
    connection = served()()
    assert [asked(connection, b"%d" % number) for number in range(50)] == [b"%d" % number for number in range(50)]


def test_answers_without_a_body_are_sent_too(served: Any) -> None:
    connection = served()()
    assert [asked(connection, path) for path in (b"empty", b"a", b"empty", b"b")] == [b"", b"a", b"", b"b"]


def test_requests_sent_together_are_answered_in_their_order(served: Any) -> None:
    connection = served()()
    connection.sendall(b"".join(ASK % path for path in (b"one", b"two", b"three")))
    assert [answer(connection) for _ in range(3)] == [b"one", b"two", b"three"]


def test_a_request_that_comes_in_pieces_is_answered(served: Any) -> None:
    connection = served()()
    for number in range(len(ASK)):
        connection.sendall((ASK % b"piece")[number : number + 1])
    connection.sendall((ASK % b"piece")[len(ASK) :])
    assert answer(connection) == b"piece"


def test_who_waits_to_be_told_to_send_a_body_is_told(served: Any) -> None:
    connection = served()()
    for body in (b"first", b"second"):
        head = b"POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert answer(connection) == body


def test_who_has_nothing_more_to_say_still_gets_an_answer(served: Any, place: Place) -> None:
    connection = served()()
    connection.sendall(ASK % b"slow")
    connection.shutdown(socket.SHUT_WR)
    assert place.entered.wait(20)
    place.go.set()
    assert answer(connection) == b"slow"


def test_a_big_answer_reaches_a_slow_reader_whole_while_others_are_served(served: Any) -> None:
    connect = served(threads=2)
    slow, quick = connect(), connect()
    slow.sendall(ASK % b"big")
    got, head = b"", True
    while len(got) < BIG:
        got += slow.recv(1_000_000)
        if head:
            got, head = got.partition(b"\r\n\r\n")[2], False
        assert asked(quick, b"quick") == b"quick"
    assert got == b"x" * BIG
    assert asked(slow, b"again") == b"again"


def test_who_leaves_in_the_middle_of_an_answer_frees_its_thread(served: Any, place: Place) -> None:
    connect = served(threads=1)
    for _ in range(3):
        rude = connect()
        rude.sendall(ASK % b"big")
        rude.recv(1000)
        rude.close()
    assert asked(connect(), b"next") == b"next"


def test_who_leaves_before_the_answer_frees_its_thread(served: Any, place: Place) -> None:
    connect = served(threads=1)
    rude = connect()
    rude.sendall(ASK % b"slow")
    assert place.entered.wait(20)
    rude.close()
    place.go.set()
    assert asked(connect(), b"next") == b"next"


def test_an_idle_connection_is_closed_and_a_working_one_is_not(served: Any, place: Place) -> None:
    connect = served(channel_timeout=1, cleanup_interval=1)
    working, idle = connect(), connect()
    working.sendall(ASK % b"slow")
    assert asked(idle, b"a") == b"a"
    assert idle.recv(1) == b""
    place.go.set()
    assert answer(working) == b"slow"


def test_those_above_the_limit_are_served_as_soon_as_others_leave(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketcore.web.connections._SWEEP_SECONDS", 3600.0)
    connect = served(connection_limit=6)
    first = [connect() for _ in range(10)]
    for number, connection in enumerate(first):
        connection.sendall(ASK % b"%d" % number)
    for number, connection in enumerate(first):
        assert answer(connection) == b"%d" % number
        connection.close()
    with connect() as connection:
        assert asked(connection, b"a") == b"a"


def test_more_connections_than_select_can_count(served: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4000:
        pytest.skip(f"this system allows {hard} open files, which is too few for 1,100 connections to oneself")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4000), hard))
    connect = served(connection_limit=2000, backlog=2000)
    connections = [connect() for _ in range(1100)]
    for connection in (*connections[:20], *connections[-20:]):
        assert asked(connection, b"a") == b"a"


def test_hundreds_that_rest_keep_nobody_out(market: Any) -> None:
    host, port = market.url.removeprefix("http://").split(":")
    health = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(300):
            resting = stack.enter_context(socket.create_connection((host, int(port)), 10))
            resting.sendall(health)
            assert resting.recv(100).startswith(b"HTTP/1.1 200")
        assert market.client().get("/healthz").status_code == 200


def test_a_server_may_listen_in_several_places(served: Any) -> None:
    connect = served(listen="127.0.0.1:0 127.0.0.1:0")
    for _ in range(3):
        assert asked(connect(0), b"a") == b"a"
        assert asked(connect(1), b"b") == b"b"


def test_a_connection_under_load_from_many_threads_answers_everybody_once(served: Any) -> None:
    connect = served(threads=8)
    wrong: list[Any] = []

    def ask(name: int) -> None:
        connection = connect()
        for number in range(60):
            path = b"%d-%d" % (name, number)
            if (got := asked(connection, path)) != path:
                wrong.append((path, got))

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert not any(thread.is_alive() for thread in threads)
