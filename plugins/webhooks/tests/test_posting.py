"""One try over a socket: answers, time limits, TLS, and where it connects to."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from marketcore_webhooks.destinations import Destinations
from marketcore_webhooks.posting import LARGEST_ANSWER, Poster, connect

from .receivers import Receiver

TLS = ssl.create_default_context()


def post(url, *, timeout=5.0, tls=None, resolve=None, ports=(443,)):
    destinations = Destinations(ports, allow_private=True, **({"resolve": resolve} if resolve else {}))
    poster = Poster(destinations, timeout=timeout, tls=tls or TLS)
    return poster.post(url, {"webhook-id": "msg_1"}, b'{"a":1}')


@pytest.mark.parametrize("status", [200, 204, 299, 302, 307, 400, 404, 410, 500, 503])
def test_the_answers_status_is_told_and_only_2xx_is_a_success(receiver, status):
    receiver.headers["Location"] = f"{receiver.url}/elsewhere"
    answer = post(f"{receiver.url}/status/{status}")
    assert (answer.status, answer.ok) == (status, 200 <= status < 300)
    assert ("redirects" in answer.error) == (300 <= status < 400)
    assert receiver.paths() == [f"/status/{status}"]


@pytest.mark.parametrize("path", ["hang", "drip"])
def test_a_receiver_that_does_not_end_its_answer_in_time_has_given_none(receiver, path):
    answer = post(f"{receiver.url}/{path}", timeout=0.2)
    assert (answer.status, answer.error) == (None, "no complete answer within 0.2 s")


def test_a_head_that_never_ends_runs_into_the_time_limit_too():
    def trickle(connection, ended):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not ended.wait(0.03):
            connection.sendall(b"X-More: 1\r\n")

    with RawServer(trickle) as url:
        assert post(url, timeout=0.3).error == "no complete answer within 0.3 s"


def test_of_an_endless_answer_only_the_beginning_is_read(receiver):
    read = []

    def counting(address, port, seconds):
        read.append(CountingSocket(connect(address, port, seconds)))
        return read[-1]

    poster = Poster(Destinations((443,), allow_private=True), timeout=5, tls=TLS)
    poster.connect = counting
    assert poster.post(f"{receiver.url}/flood", {}, b"{}").ok
    assert read[0].count <= LARGEST_ANSWER


def test_a_head_of_nothing_but_lines_is_cut_off():
    def flood(connection, _ended):
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-Line: 1\r\n" * 10_000)

    with RawServer(flood) as url:
        assert post(url).error.startswith("no HTTP")


@pytest.mark.parametrize("said", [b"220 mail.example ESMTP\r\n", b"", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 100])
def test_a_server_that_speaks_something_else_has_given_no_answer(said):
    with RawServer(lambda connection, _ended: connection.sendall(said)) as url:
        answer = post(url)
    assert answer.status is None
    assert answer.error.startswith(("no HTTP", "no connection"))


def test_names_are_looked_up_once_and_the_next_address_is_tried_when_one_refuses(receiver):
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ["127.0.0.2", "127.0.0.1"]

    assert post(f"http://receiver.test:{receiver.port}/", resolve=resolve).ok
    assert asked == ["receiver.test"]
    assert receiver.received[0][1]["host"] == f"receiver.test:{receiver.port}"


def test_a_resolver_that_hangs_costs_no_more_than_the_time_limit():
    ended = threading.Event()
    answer = post("https://receiver.test/", timeout=0.2, resolve=lambda *_name: ended.wait(20))
    ended.set()
    assert answer.error == "the URL has a host whose name servers do not answer"


def test_tls_names_the_host_and_connects_to_the_address(authority, tmp_path):
    server, client = authority
    named = []
    server.sni_callback = lambda _socket, name, _context: named.append(name)
    with Receiver(tls=server) as receiver:
        answer = post(f"https://receiver.test:{receiver.port}/", tls=client, resolve=lambda *_name: ["127.0.0.1"])
    assert answer.ok, answer
    assert named == ["receiver.test"]
    assert receiver.received[0][1]["host"] == f"receiver.test:{receiver.port}"


def test_a_certificate_for_another_name_or_of_an_unknown_authority_is_refused(authority):
    server, client = authority
    with Receiver(tls=server) as receiver:
        url = f":{receiver.port}/"
        other = post(f"https://other.test{url}", tls=client, resolve=lambda *_name: ["127.0.0.1"])
        unknown = post(f"https://receiver.test{url}", resolve=lambda *_name: ["127.0.0.1"])
        assert other.error.startswith("no TLS: Hostname mismatch")
        assert unknown.error.startswith("no TLS: ")
        assert receiver.received == []


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """TLS contexts of a server called receiver.test and of a client that trusts its certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("receiver.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path_factory.mktemp("tls") / "receiver.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)


class CountingSocket:
    """A socket that counts what is read from it."""

    def __init__(self, sock):
        self._sock, self.count = sock, 0

    def recv_into(self, view):
        count = self._sock.recv_into(view)
        self.count += count
        return count

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._sock.close()


class RawServer:
    """A server that reads the request and then lets ``say(connection, ended)`` answer."""

    def __init__(self, say):
        self._say, self._ended = say, threading.Event()

    def __enter__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.getsockname()[1]}/"

    def _serve(self):
        connection, _address = self._server.accept()
        with connection:
            connection.recv(65_536)
            try:
                self._say(connection, self._ended)
            except OSError:
                return  # the sender has hung up

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join(5)
        self._server.close()
