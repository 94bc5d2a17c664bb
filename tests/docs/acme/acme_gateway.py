"""The stand-in of the page's gateway: a real HTTP server that fails as it is told to."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

SECRET = "a secret of the tests"
# Which scripts leave a record behind, and what the caller hears then.
LOST = {"drop_before", "http_500", "http_429", "html_error"}
SILENT = {"no_callback"}


class AcmeGateway:
    """Charges and refunds by id; ``calls`` is where its webhooks go.

    It listens where the one before it did: a marketplace that knows the address can serve the next test too.
    """

    calls = ""
    _port = 0

    def __init__(self):
        self.kept = {"charges": {}, "refunds": {}}
        self._scripts = {"charges": [], "refunds": []}
        self._played = {}
        self._server = self._listen()
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _listen(self):
        try:
            server = ThreadingHTTPServer(("127.0.0.1", AcmeGateway._port), _handler(self))
        except OSError:
            server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))  # somebody else has taken the port
        AcmeGateway._port = server.server_address[1]
        return server

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def script(self, name):
        self._scripts["charges"].append(name)

    def script_refund(self, name):
        self._scripts["refunds"].append(name)

    def attempts(self):
        return len(self.kept["charges"])

    def refunds(self):
        return len(self.kept["refunds"])

    def approve(self, payment):
        charge = self.kept["charges"][payment["id"]]
        charge.update(state="done", receipt=f"AC{payment['code']}")
        script = self._played[payment["id"]]
        if script == "wrong_amount":
            charge["minor"] -= 1
        self._report("payment", charge, script)

    def cancel(self, payment):
        charge = self.kept["charges"][payment["id"]]
        charge["state"] = "failed"
        self._report("payment", charge, "ok")

    def finish_refund(self, refund, *, well=True):
        kept = self.kept["refunds"][refund["id"]]
        kept["state"] = "done" if well else "failed"
        self._report("refund", kept, "ok")

    def forge(self, payment):
        claim = {
            **self.kept["charges"][payment["id"]],
            "state": "done",
            "event": uuid.uuid4().hex,
            "subject": "payment",
        }
        body = json.dumps(claim).encode()
        answer = httpx.post(self.calls, content=body, headers={"X-Acme-Signature": "0" * 64}, verify=False)
        assert answer.status_code == 401

    def _report(self, subject, kept, script):
        if script.startswith("no_callback"):
            return
        event = {**kept, "event": uuid.uuid4().hex, "subject": subject}
        if script == "unknown_reference":
            self._send({**event, "id": str(uuid.uuid4()), "event": uuid.uuid4().hex})
        if script == "reorder":
            self._send(event)
            event = {**event, "state": "open", "event": uuid.uuid4().hex}
        if script == "tampered_signature":
            assert self._send({**event, "minor": 1}, secret="another").status_code == 401
        for _ in range(3 if script.startswith("dup_callback") else 1):
            assert self._send(event).status_code == 200

    def _send(self, event, secret=SECRET):
        body = json.dumps(event).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return httpx.post(self.calls, content=body, headers={"X-Acme-Signature": signature}, timeout=30, verify=False)

    def take(self, what, wish):
        """Record a wish once, and return what its sender hears: a status and a body, or ``None`` for silence."""
        script = self._scripts[what].pop(0) if self._scripts[what] else "ok"
        if script in LOST:
            return {"http_500": (500, b"{}"), "http_429": (429, b"{}"), "html_error": (200, b"<html>")}.get(script)
        self._played[wish["id"]] = script
        self.kept[what].setdefault(wish["id"], {**wish, "state": "open"})
        if script == "hang":
            time.sleep(5.5)
        if script in ("drop_after", "hang"):
            return None
        return 200, json.dumps(self.kept[what][wish["id"]]).encode()

    def read(self, what, id):
        """Return what is known of one, as ``take`` does."""
        found = self.kept[what].get(id)
        return (200, json.dumps(found).encode()) if found else (404, b"{}")


def _handler(gateway):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(gateway.take(self.path.strip("/"), wish))

        def do_GET(self):
            _empty, what, id = self.path.split("/")
            self._answer(gateway.read(what, id))

        def _answer(self, answer):
            self.close_connection = True
            if answer is None:
                return
            try:
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])
            except ConnectionError:
                pass  # whoever asked has stopped waiting

        def log_message(self, *_arguments):
            pass

    return Handler
