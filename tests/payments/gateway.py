"""Fakepay's side: a real HTTP server in a thread whose answers, delays and webhooks the test decides."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import uuid
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx

SECRET = "a secret of the tests"


class Gateway:
    """``scripts`` spoil the next starts: ``drop_before``, ``drop_after``, ``hang``, ``http_500``, ``declined``;
    with ``authorized`` the money is reserved only.

    ``refund_scripts`` do the same to refunds, which are done at once unless it says ``pending``.

    It listens where the one before it did: a marketplace that knows the address can serve the next test too.
    """

    _port = 0

    def __init__(self):
        self.payments = {}
        self.refunds = {}
        self.refund_scripts = []
        self.sent_back = Counter()
        self.scripts = []
        self.prompts = Counter()
        self.taken = Counter()
        self.books = []  # ``None``: they cannot be read today
        self.released = threading.Event()
        self.released.set()
        self.overlaps = 0
        self.questions = Counter()
        self._asking = Counter()
        self._lock = threading.Lock()
        self._server = self._listen()
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def _listen(self):
        try:
            server = ThreadingHTTPServer(("127.0.0.1", Gateway._port), _handler(self))
        except OSError:
            server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))  # somebody else has taken the port
        Gateway._port = server.server_address[1]
        return server

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self, wish):
        """Take an attempt in; the same id again is the same attempt. ``None`` closes the connection unanswered."""
        script = self.scripts.pop(0) if self.scripts else "ok"
        if script == "drop_before":
            return None
        if script == "http_500":
            return 500, {}
        with self._lock:
            if wish["id"] not in self.payments:
                self.payments[wish["id"]] = {**wish, "state": "pending", "reference": f"ref-{wish['id']}"}
                self.prompts[wish["id"]] += 1
        if script == "authorized":
            self.payments[wish["id"]]["state"] = "authorized"
        if script == "declined":
            self.payments[wish["id"]]["state"] = "failed"
        if script == "drop_after":
            return None
        if script == "hang":
            self.released.clear()
            self.released.wait(20)
        return 200, self.payments[wish["id"]]

    def capture(self, wish):
        """Take what was reserved; asked again, say what was taken."""
        with self._lock:
            payment = self.payments[wish["id"]]
            self.taken[wish["id"]] += payment["state"] == "authorized"
            payment.update(state="captured", receipt=f"RC{wish['id'][:8]}")
        return 200, payment

    def refund(self, wish):
        """Take a refund in; the same id again is the same refund, whatever was answered the first time."""
        script = self.refund_scripts.pop(0) if self.refund_scripts else "ok"
        if script == "drop_before":
            return None
        with self._lock:
            if wish["id"] not in self.refunds:
                state = {"declined": "failed", "pending": "pending"}.get(script, "refunded")
                self.refunds[wish["id"]] = {**wish, "state": state, "reference": f"ref-{wish['id']}"}
                self.sent_back[wish["payment"]] += wish["minor"] if state == "refunded" else 0
        if script == "drop_after":
            return None
        if script == "hang":
            self.released.clear()
            self.released.wait(20)
        return 200, self.refunds[wish["id"]]

    def fetch_refund(self, refund_id):
        """Answer a question about a refund."""
        self.questions[refund_id] += 1
        found = self.refunds.get(refund_id)
        return (200, found) if found else (404, {})

    def book(self, payment, **fields):
        """Write a movement into fakepay's own books; return the line, which may still be changed there."""
        known = self.payments[payment["id"]]
        line = {name: known[name] for name in ("id", "minor", "currency", "reference")}
        receipt = {"receipt": known["receipt"]} if "receipt" in known else {}
        self.books.append({"kind": "payment", "at": datetime.now(UTC).isoformat(), **line, **receipt, **fields})
        return self.books[-1]

    def statement(self, since, until):
        """Answer with the movements from ``since`` up to, not including, ``until``."""
        if self.books is None:
            return 500, {}
        first, last = datetime.fromisoformat(since), datetime.fromisoformat(until)
        return 200, [line for line in self.books if first <= datetime.fromisoformat(line["at"]) < last]

    def fetch(self, payment_id):
        """Answer a question, counting those that were asked while the same one was still open."""
        with self._lock:
            self.questions[payment_id] += 1
            self._asking[payment_id] += 1
            self.overlaps += self._asking[payment_id] > 1
        self.released.wait(20)
        with self._lock:
            self._asking[payment_id] -= 1
        found = self.payments.get(payment_id)
        return (200, found) if found else (404, {})

    def settle(self, payment, state, **fields):
        """Let an attempt end at the gateway without a word to anybody."""
        receipt = {"receipt": f"RC{payment['id'][:8]}"} if state == "captured" else {}
        self.payments[payment["id"]].update(state=state, **receipt, **fields)

    def refund_event(self, refund, state):
        """Return one event about a refund."""
        return {**self.refunds[refund["id"]], "state": state, "subject": "refund", "event": f"evt-{uuid.uuid4().hex}"}

    def dispute_event(self, dispute, state, minor, currency, /, **payment):
        """Return one event about a dispute; ``payment`` says of which (``id``, ``reference`` or ``receipt``)."""
        about = {"dispute": dispute, "state": state, "minor": minor, "currency": currency}
        return {**about, **payment, "subject": "dispute", "event": f"evt-{uuid.uuid4().hex}"}

    def event(self, payment, state, **fields):
        """Return one event as fakepay would write it."""
        known = self.payments.get(payment["id"], {"id": payment["id"], "minor": 50000, "currency": "KES"})
        receipt = {"receipt": f"RC{payment['id'][:8]}"} if state == "captured" else {}
        return {**known, "state": state, **receipt, "event": f"evt-{uuid.uuid4().hex}", **fields}


def call(*events):
    """Return the body and headers of a signed webhook."""
    body = json.dumps({"events": events}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return body, {"X-Fakepay-Signature": signature, "Content-Type": "application/json"}


def deliver(url, *events):
    """Send a signed webhook and return the answer."""
    body, headers = call(*events)
    return httpx.post(f"{url}/hooks/fp", content=body, headers=headers, timeout=30, trust_env=False, verify=False)


def _handler(gateway):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            desks = {"/refunds": gateway.refund, "/captures": gateway.capture, "/payments": gateway.start}
            self._answer(desks[self.path](wish))

        def do_GET(self):
            address = urlsplit(self.path)
            if address.path == "/statements":
                self._answer(gateway.statement(**dict(parse_qsl(address.query))))
                return
            folder, _slash, id = self.path.rpartition("/")
            self._answer(gateway.fetch_refund(id) if folder == "/refunds" else gateway.fetch(id))

        def _answer(self, answer):
            if answer is None:
                self.close_connection = True
                return
            body = json.dumps(answer[1]).encode()
            try:
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:
                self.close_connection = True  # whoever asked has stopped waiting

        def log_message(self, *_arguments):
            pass

    return Handler
