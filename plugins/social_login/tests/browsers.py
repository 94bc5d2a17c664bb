"""Clients of a marketplace and the browsers that they send to providers."""

from __future__ import annotations

import uuid
from urllib.parse import parse_qs, urlsplit

import httpx

START, TOKENS, LINKS = "/api/v1/auth/social/{}/start", "/api/v1/auth/social/tokens", "/api/v1/users/me/social-logins"
CALLBACK = "/api/v1/auth/social/{}/callback"
# Reading the list of certificate authorities would cost more than everything else here.
PLAIN = {"trust_env": False, "timeout": 30, "verify": False}
TABLES = ("users", "auth_sessions", "social_login_links")


class Visit:
    """One login: the client's start, the browser's way to the provider and back, the client's end."""

    def __init__(self, market, provider, *, access=None, **body):
        self.market, self.provider, self.access = market, provider, access
        path = f"{LINKS}/{provider}/start" if access else START.format(provider)
        self.started = self.ask("POST", path, body)
        if self.started.status_code == 201:
            self.secret = self.started.json()["secret"]
            self.address = self.started.json()["authorization_url"]
            self.query = {name: values[0] for name, values in parse_qs(urlsplit(self.address).query).items()}

    def ask(self, method, path, body=None):
        with self.market.client(self.access) as http:
            return http.request(method, path, **({} if body is None else {"json": body}))

    def agree(self):
        """Return the address with which the provider sends the browser back."""
        with httpx.Client(**PLAIN) as browser:
            answer = browser.get(self.address)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def come_back(self, address=None):
        with httpx.Client(**PLAIN) as browser:
            return browser.get(address or self.agree())

    def code(self):
        """Return the code that the browser brings back."""
        answer = self.come_back()
        assert answer.status_code == 200, answer.text
        return answer.json()["code"]

    def redeem(self, code, secret=None):
        """Return the answer to the client's last step: tokens, or with an account of its own the link."""
        body = {"code": code, "secret": secret or self.secret}
        return self.ask("POST", LINKS if self.access else TOKENS, body)

    def finish(self):
        return self.redeem(self.code())


def somebody(**more):
    """Return what a provider says of somebody new with a verified address."""
    name = uuid.uuid4().hex
    return {"sub": name, "email": f"{name}@example.test", "email_verified": True, **more}


def counts(market):
    """Return how many accounts, sessions and links there are."""
    return [market.query(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]


def me(market, access):
    with market.client(access) as http:
        return http.get("/api/v1/users/me").json()


def kind(answer):
    return answer.status_code, answer.json()["type"].rpartition(":")[2]
