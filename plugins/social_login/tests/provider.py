"""A provider on this machine: an OpenID Connect and OAuth 2 server that can misbehave as real ones have."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey

CLIENT, SECRET = "market-at-the-provider", "the-markets-secret-at-the-provider"

BOMB = gzip.compress(b'{"access_token": "' + b"x" * 3_000_000 + b'"}')


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def _unsigned(claims):
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


class Provider:
    """Lets ``person`` in, to whoever asks rightly; ``lie`` says what it does wrong."""

    def __init__(self):
        self.key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
        self.person, self.lie, self.asked = {}, "", []
        self.access_token = secrets.token_hex(16)
        self._grants, self.released = {}, threading.Event()
        self.server = Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)

    def settings(self, name):
        """Return the settings of a marketplace under which this is its provider ``name``."""
        own = {"client_id": CLIENT, "client_secret": SECRET}
        addresses = {"authorization_url": "/authorize", "token_url": "/token"}
        addresses |= {"userinfo_url": f"/{name}/me"} if name in ("x", "facebook") else {"jwks_url": "/jwks"}
        own |= {} if name in ("x", "facebook") else {"issuer": self.url, "algorithms": "ES256 RS256"}
        own |= {field: self.url + path for field, path in addresses.items()}
        return {f"social_login.{name}.{field}": value for field, value in own.items()}

    def authorize(self, query):
        """Return where the browser goes: back, with a code, as if the person had agreed."""
        assert (query["client_id"], query["response_type"], query["code_challenge_method"]) == (CLIENT, "code", "S256")
        if self.lie == "denied":
            return f"{query['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': query['state']})}"
        code = secrets.token_urlsafe(16)
        self._grants[code] = query
        more = {"scope": query["scope"], "authuser": "0", "prompt": "none"}
        if self.lie == "mixed up":
            more["iss"] = "https://another.example"
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], **more})}"

    def token(self, form, authorization):
        """Return the status and document of the token endpoint (RFC 6749 5.1, RFC 7636 4.6)."""
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = authorization == f"Basic {basic}" or (form.get("client_id"), form.get("client_secret")) == (
            CLIENT,
            SECRET,
        )
        grant = self._grants.pop(form.get("code"), None)
        if not known or grant is None or form["redirect_uri"] != grant["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        made = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        if made != grant["code_challenge"] or len(form["code_verifier"]) < 43:
            return 400, {"error": "invalid_grant", "error_description": "PKCE"}
        document = {"access_token": self.access_token, "token_type": "Bearer", "expires_in": 3600}
        return 200, {**document, **({"id_token": self.id_token(grant["nonce"])} if "nonce" in grant else {})}

    def id_token(self, nonce):
        now, lie = int(time.time()), self.lie
        claims = {"iss": self.url, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce, **self.person}
        claims |= {
            "wrong audience": {"aud": "another-client"},
            "two audiences": {"aud": [CLIENT, "another-client"]},
            "of another client": {"azp": "another-client"},
            "wrong issuer": {"iss": "https://another.example"},
            "wrong nonce": {"nonce": "another"},
            "expired": {"iat": now - 1000, "exp": now - 700},
            "from the future": {"iat": now + 700, "nbf": now + 700, "exp": now + 1000},
            "time as text": {"exp": str(now + 300)},
            "no subject": {"sub": ""},
            "subject is a list": {"sub": ["one"]},
            "long subject": {"sub": "s" * 300},
            "enormous token": {"padding": "x" * 20_000},
        }.get(lie, {})
        for name in {"no nonce": ["nonce"], "no expiry": ["exp"], "no audience": ["aud"]}.get(lie, ()):
            del claims[name]
        if lie == "unsigned":
            return _unsigned(claims)
        if lie == "signed with the secret":
            return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET * 2), algorithms=["HS256"])
        if lie == "signed with the public key":
            public = OctKey.import_key(json.dumps(self.key.as_dict(private=False)))
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, public, algorithms=["HS256"])
        if lie == "signed by somebody else":
            stranger = ECKey.generate_key("P-256", {"kid": "one"})
            return jwt.encode({"alg": "ES256", "kid": "one"}, claims, stranger)
        header = {"alg": "ES256", "kid": self.key.kid}
        if lie == "brings its own key":
            stranger = ECKey.generate_key("P-256", {"kid": "two"})
            header = {"alg": "ES256", "kid": "two", "jwk": stranger.as_dict(private=False)}
            return jwt.encode(header, claims, stranger)
        return jwt.encode(header, claims, self.key)

    def document(self, path, authorization):
        if path == "/jwks":
            return 200, KeySet([self.key]).as_dict(private=False)
        if authorization != f"Bearer {self.access_token}":
            return 401, {"error": "invalid_token"}
        return 200, {"data": self.person} if path == "/x/me" else self.person

    def _handler(provider):  # noqa: N805 - the handler's methods have a self of their own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                address = urlsplit(self.path)
                if address.path == "/authorize":
                    query = {name: values[0] for name, values in parse_qs(address.query).items()}
                    self.answer(302, b"", {"Location": provider.authorize(query)})
                else:
                    self.tell(*provider.document(address.path, self.headers.get("Authorization")))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                provider.asked.append(form)
                self.tell(*provider.token(form, self.headers.get("Authorization")))

            def tell(self, status, document):
                body, headers = json.dumps(document).encode(), {"Content-Type": "application/json"}
                place, _colon, lie = provider.lie.partition(": ")
                if not lie or not self.path.startswith(f"/{place}"):
                    self.answer(status, body, headers)
                elif lie == "hangs":
                    provider.released.wait(20)
                elif lie == "drips":
                    self.drip()
                elif lie != "hangs up":
                    self.answer(*self.wrong(lie, status, body, headers))

            def wrong(self, lie, status, body, headers):
                return {
                    "500": (500, body, headers),
                    "400": (400, b'{"error": "invalid_grant"}', headers),
                    "200 with an error": (200, b'{"error": "slow_down"}', headers),
                    "503 page": (503, b"<html>busy</html>", {"Content-Type": "text/html"}),
                    "no JSON": (200, b"<html>hello</html>", {"Content-Type": "text/html"}),
                    "a list": (200, b"[1]", headers),
                    "null": (200, b"null", headers),
                    "numbers": (200, b'{"access_token": 7, "token_type": 7, "id_token": 7, "keys": 7}', headers),
                    "empty": (200, b"{}", headers),
                    "huge": (200, b'{"access_token": "' + b"x" * 1_000_000 + b'"}', headers),
                    "zipped": (200, BOMB, {**headers, "Content-Encoding": "gzip"}),
                    "elsewhere": (302, b"", {"Location": f"{provider.url}/jwks"}),
                }[lie]

            def drip(self):
                self.send_response(200)
                self.end_headers()
                while not provider.released.wait(0.2):
                    self.wfile.write(b" ")
                    self.wfile.flush()

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    return  # the market has hung up

            def log_message(self, *arguments):
                pass

        return Handler
