"""A mail server as members' providers run one, and people who are told things."""

from __future__ import annotations

import email
import email.policy
import socket
import uuid

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from marketcore.jobs.running import run_waiting
from marketcore.notifications.services import NotificationService
from marketcore.settings import section
from marketcore.testing.live import LiveClient
from marketcore.testing.shop import PASSWORD


class AnyPort(Controller):
    """A server at a port that is free."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class PostOffice:
    """A real SMTP server of the loopback interface; ``answers`` holds what it says next instead of accepting."""

    def __init__(self, **options):
        self.letters = []
        self.answers = {}
        self.secured = []
        self.controller = AnyPort(self, hostname="127.0.0.1", port=0, **options)

    def __enter__(self):
        self.controller.start()
        self.port = self.controller.port
        return self

    def __exit__(self, *_exception):
        self.controller.stop()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if answer := self.answers.pop("RCPT", None):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if answer := self.answers.pop("DATA", None):
            return answer
        self.letters.append((envelope.rcpt_tos, envelope.content))
        self.secured.append((session.ssl is not None, session.auth_data))
        if self.answers.pop("lost", None):
            # The letter is taken, and whoever brought it never hears of that.
            server.transport.abort()
        return "250 taken"

    def box(self, address):
        """Return the letters to ``address``, read."""
        found = [content for recipients, content in self.letters if recipients == [address]]
        return [email.message_from_bytes(content, policy=email.policy.default) for content in found]


def doorkeeper(server, session, envelope, mechanism, given):
    """Let in who knows the word."""
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"market", b"letters please")
    return AuthResult(success=right, handled=right, auth_data=given.login if right else None)


def both(letter):
    """Return a letter's plain text and its HTML."""
    return tuple(letter.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("plain", "html"))


def nobody_listens():
    """Return a port at which nothing answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Town:
    """A marketplace with a post office."""

    def __init__(self, market, office):
        self.market, self.office = market, office
        self.settings = section(market.registry, "notifications")

    def person(self, **given):
        return Person(self, **given)

    def deliver(self):
        """Run every job that is due."""
        return run_waiting(self.market.registry)

    def later(self):
        """Let the time pass that jobs wait before they are tried again, or digests before they are sent."""
        self.market.query("UPDATE jobs SET run_at = market_clock() WHERE dead_at IS NULL")

    def tell(self, person, type, key="", **data):
        self.market.perform(
            lambda request: request.find_service(NotificationService).notify(person.id, type, data, key=key)
        )

    def letters(self, person):
        return self.market.query("SELECT * FROM letters WHERE user_id = :id ORDER BY id", id=person.id)

    def jobs(self):
        return self.market.query("SELECT * FROM jobs WHERE name = 'notifications.send_letter' ORDER BY id")


class Person:
    """A member with a client, and a box at the post office."""

    def __init__(self, town, **given):
        body = {"email": f"{uuid.uuid4().hex}@example.com", "password": PASSWORD, **given}
        with town.market.client() as http:
            answer = http.post("/api/v1/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        self.town, self.token, self.id = town, answer.json()["access"], answer.json()["user"]["id"]
        self.email = body["email"]
        self.http = town.market.client(self.token)

    @property
    def letters(self):
        return self.town.office.box(self.email)

    def get(self, path="notifications", **query):
        answer = self.http.get(f"/api/v1/users/me/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def told(self, **query):
        return [item["type"] for item in self.get(**query)["items"]]

    def lines(self):
        return [item["line"] for item in self.get()["items"]]

    def unread(self):
        return self.get("notifications/unread")["unread"]

    def choose(self, type, *channels):
        body = {"type": type, "channels": list(channels)}
        return self.http.put("/api/v1/users/me/notification-choices", json=body)

    def listen(self, live):
        client = LiveClient(live.url, self.token)
        client.subscribe(f"user:{self.id}")
        return client
