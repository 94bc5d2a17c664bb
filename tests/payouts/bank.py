"""Fakebank's side: a real HTTP server in a thread whose answers, delays and webhooks the test decides.

It is the worst of banks: an id means nothing to it, and what is asked twice is paid twice. ``moved`` counts that.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

SECRET = "a secret of the tests"


class Bank:
    """``scripts`` spoil the next payouts: ``drop_before``, ``drop_after``, ``hang``, ``http_500``, ``declined``,
    ``refused`` (422: nothing was done), ``paid`` (at once); ``doors`` are the states of the next enrolments."""

    def __init__(self):
        self.forget()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def forget(self):
        """Know nobody and nothing any more."""
        self.accounts = {}
        self.payouts = {}
        self.scripts = []
        self.doors = []
        self.moved = Counter()
        self.asked = Counter()
        self.enrolled = Counter()
        self.hanging = threading.Event()
        self.released = threading.Event()
        self.released.set()

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

    def enroll(self, wish):
        """Open an account, or look at it again."""
        state = self.doors.pop(0) if self.doors else "active"
        if state == "http_500":
            return 500, {}
        with self._lock:
            self.enrolled[wish["id"]] += 1
            link = f"https://bank.test/{self.enrolled[wish['id']]}" if state == "pending" else None
            reason = "no such account" if state == "rejected" else None
            document = {**wish, "state": state, "reference": f"acct-{wish['id']}", "link": link, "reason": reason}
            self.accounts[wish["id"]] = document
        return 200, document

    def pay(self, wish):
        """Pay; ``None`` closes the connection unanswered."""
        script = self.scripts.pop(0) if self.scripts else "ok"
        if script == "drop_before":
            return None
        if script in ("http_500", "refused"):
            return (500 if script == "http_500" else 422), {}
        with self._lock:
            self.moved[wish["id"]] += 1
            state = {"paid": "paid", "declined": "failed"}.get(script, "sent")
            self.payouts[wish["id"]] = {**wish, "state": state, "reference": f"po-{wish['id']}"}
            if script == "declined":
                self.payouts[wish["id"]]["reason"] = "account_closed"
        if script == "drop_after":
            return None
        if script == "hang":
            self.released.clear()
            self.hanging.set()
            self.released.wait(20)
        return 200, self.payouts[wish["id"]]

    def fetch(self, payout_id):
        """Answer a question."""
        with self._lock:
            self.asked[payout_id] += 1
            found = self.payouts.get(payout_id)
        return (200, found) if found else (404, {})

    def end(self, payout, state, **fields):
        """Let a payout end at the bank without a word to anybody."""
        self.payouts[payout["id"]].update(state=state, receipt=f"FT{payout['id'][:8]}", **fields)

    def event(self, payout, state, **fields):
        """Return one event about a payout as the bank would write it."""
        known = self.payouts.get(payout["id"], {"id": payout["id"], "reference": f"po-{payout['id']}"})
        told = {"state": state, "receipt": f"FT{payout['id'][:8]}", "event": f"evt-{uuid.uuid4().hex}"}
        return {**known, "subject": "payout", **told, **fields}

    def door_event(self, destination, state, **fields):
        """Return one event about an account."""
        named = {"id": destination["id"], "reference": f"acct-{destination['id']}"}
        return {**named, "subject": "destination", "state": state, "event": f"evt-{uuid.uuid4().hex}", **fields}


def deliver(url, *events, slug="fb"):
    """Send a signed webhook and return the answer."""
    body = json.dumps({"events": events}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Fakebank-Signature": signature, "Content-Type": "application/json"}
    options = {"timeout": 30, "trust_env": False, "verify": False}
    return httpx.post(f"{url}/hooks/{slug}", content=body, headers=headers, **options)


def _handler(bank):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(bank.enroll(wish) if self.path.endswith("/accounts") else bank.pay(wish))

        def do_GET(self):
            self._answer(bank.fetch(self.path.rsplit("/", 1)[1]))

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
