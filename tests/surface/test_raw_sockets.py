"""What no HTTP library would send: the server refuses or hangs up, and goes on serving everybody else."""

from __future__ import annotations

import socket

import pytest

LIMIT = 1_048_576


@pytest.fixture
def talk(people):
    """Send bytes to the server on a socket of one's own; return what it answers until it hangs up or falls silent."""
    host, port = people.market.url.removeprefix("http://").split(":")

    def send(*parts: bytes) -> bytes:
        with socket.create_connection((host, int(port)), timeout=3) as connection:
            received = b""
            try:
                for part in parts:
                    connection.sendall(part)
                while chunk := connection.recv(65_536):
                    received += chunk
            except (TimeoutError, ConnectionError):
                pass
            return received

    return send


@pytest.fixture(autouse=True)
def still_serves_others(people):
    yield
    assert people.http.get("/healthz").status_code == 200


def statuses(received: bytes) -> list[int]:
    """The statuses of the answers in what was received."""
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def request(*headers: str, body: bytes = b"", method: str = "POST", path: str = "/api/v1/auth/login") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode() + body


JSON = "Content-Type: application/json"
CLOSE = "Connection: close"


def chunked(size: int) -> bytes:
    return f"{size:x}\r\n".encode() + b"x" * size + b"\r\n0\r\n\r\n"


def test_a_body_declared_over_the_limit_is_refused(talk):
    assert statuses(talk(request(JSON, CLOSE, f"Content-Length: {LIMIT + 1}", body=b"x" * (LIMIT + 1)))) == [413]


def test_a_body_declared_far_over_the_limit_is_refused_before_it_is_sent(talk):
    assert statuses(talk(request(JSON, CLOSE, "Content-Length: 99999999999999"))) == [413]


def test_a_chunked_body_over_the_limit_is_refused(talk):
    parts = (request(JSON, CLOSE, "Transfer-Encoding: chunked"), chunked(LIMIT + 1))
    assert statuses(talk(*parts)) == [413]


def test_a_body_shorter_than_declared_is_never_acted_on(talk):
    received = talk(request(JSON, "Content-Length: 500", body=b'{"email": "a@b", "password": "x"}'))
    assert all(400 <= status < 500 for status in statuses(received))


def test_bytes_after_the_declared_length_are_another_request(talk):
    received = talk(request(JSON, CLOSE, "Content-Length: 2", body=b"{}garbage garbage\r\n\r\n"))
    assert statuses(received)[0] == 422
    assert all(400 <= status < 500 for status in statuses(received))


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "0x10", "+5", "5, 6", "٥"])
def test_a_length_that_is_no_number_is_refused(talk, length):
    assert statuses(talk(request(JSON, CLOSE, f"Content-Length: {length}", body=b"{}"))) in ([400], [])


def test_two_different_lengths_are_refused(talk):
    received = talk(request(JSON, CLOSE, "Content-Length: 2", "Content-Length: 30", body=b"{}"))
    assert statuses(received) in ([400], [])


@pytest.mark.parametrize("coding", ["chunked", "Chunked", "chunked, identity", "gzip, chunked", "xchunked"])
def test_a_length_beside_chunks_never_makes_two_requests_of_one(talk, coding):
    hidden = request(method="GET", path="/healthz")
    smuggled = b"0\r\n\r\n" + hidden
    received = talk(request(JSON, f"Content-Length: {len(smuggled)}", f"Transfer-Encoding: {coding}", body=smuggled))
    assert 200 not in statuses(received)
    assert all(400 <= status <= 501 and status != 500 for status in statuses(received))


def test_three_hundred_headers_are_refused_or_served_but_no_fault(talk):
    many = [f"X-Filler-{n}: {n}" for n in range(300)]
    assert statuses(talk(request(*many, CLOSE, method="GET", path="/healthz"))) in ([200], [431], [400])


def test_headers_larger_than_the_limit_are_refused(talk):
    received = talk(request("X-Large: " + "x" * 400_000, CLOSE, method="GET", path="/healthz"))
    assert statuses(received) in ([431], [400], [])


def test_pipelined_requests_are_answered_in_their_order(talk):
    paths = ("/healthz", "/no-such-address", "/healthz")
    parts = [request(method="GET", path=path) for path in paths[:-1]]
    received = talk(b"".join(parts) + request(CLOSE, method="GET", path=paths[-1]))
    assert statuses(received) == [200, 404, 200]


@pytest.mark.parametrize(
    "line",
    [b"GET\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET /healthz HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\r\n\r\n"],
)
def test_what_is_no_http_is_refused(talk, line):
    received = talk(line)
    assert b"Traceback" not in received
    assert b" 200 " not in received.split(b"\r\n")[0] or line.startswith(b"GET /healthz")


def test_header_values_with_line_breaks_and_zero_bytes_do_not_reach_the_answer(talk):
    received = talk(request("X-Request-Id: abc\rSet-Cookie: a=b", CLOSE, method="GET", path="/healthz"))
    assert b"Set-Cookie" not in received.partition(b"\r\n\r\n")[0]
    received = talk(request("X-Request-Id: abc\x00defghijkl", CLOSE, method="GET", path="/healthz"))
    assert b"\x00" not in received
