"""People of a marketplace, from outside: what they write over HTTP and sockets."""

from __future__ import annotations

import io
import time
import uuid
from contextlib import contextmanager
from functools import partial

from PIL import Image

from marketcore.directives import table
from marketcore.identity.services import create_user
from marketcore.jobs.running import run_waiting
from marketcore.live.gateway.rights import IDENTITY, session_identity
from marketcore.testing.live import LiveClient
from marketcore.testing.shop import PASSWORD, Shop

PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
BEGIN = "INSERT INTO auth_sessions (user_id, expires_at) VALUES (:id, market_clock() + '300 days') RETURNING id"


def picture(colour="teal"):
    """Return a small PNG that says something about its maker, which must not come out again."""
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(stream, "PNG", exif=_exif())
    return stream.getvalue()


def _exif():
    exif = Image.Exif()
    exif[0x010F] = "Camera of Wanjiku"
    return exif


class Town:
    """The marketplace and its live process."""

    def __init__(self, market, live):
        self.market, self.live, self.http = market, live, market.client()

    def person(self, *roles, name=""):
        """Return somebody new."""
        return Person(self, name or f"p{uuid.uuid4().hex[:12]}", list(roles) or ["buyer"])

    def friends(self):
        """Return two people who have written to each other, and the id of their conversation."""
        one, other = self.person(), self.person()
        conversation = one.start(other)["id"]
        one.say(conversation, "Hello")
        other.say(conversation, "Hello yourself")
        return one, other, conversation

    def order(self):
        """Return the seller and the buyer of an order, and its id."""
        shop = Shop(self.market)
        people = [Person.known(self, given["user"]) for given in (shop.seller_user, shop.buyer_user)]
        return *people, shop.order_id

    def run(self, job):
        """Run a periodic job now."""
        found = table(self.market.registry, "jobs")[f"messaging.{job}"].run
        if getattr(found, "outside_transaction", False):
            return found(self.market.registry)
        return self.market.perform(found)

    def work(self):
        """Run the jobs that are due."""
        run_waiting(self.market.registry)

    @contextmanager
    def acting(self, who):
        """Yield a unit of work of somebody's, which commits at the end."""
        with self.market.work() as request:
            request.environ[IDENTITY] = session_identity(self.market.registry, who.id, who.session)
            yield request

    def await_waiting(self, table):
        """Wait until somebody waits for a row of a table that is locked."""
        deadline = time.monotonic() + 10
        waiting = """SELECT 1 FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE :like"""
        while not self.market.query(waiting, like=f"%{table}%"):
            assert time.monotonic() < deadline, f"nobody waits for {table}"

    def rows(self):
        """Return how many rows each table of messaging has, and how many events there are."""
        tables = ("conversations", "members", "messages", "attachments", "contacts", "blocks", "statuses")
        counted = ", ".join(f"(SELECT count(*) FROM messaging_{name})" for name in tables)
        ((*counts,),) = self.market.query(f"SELECT {counted}, (SELECT count(*) FROM live_events)")
        return counts


class Asking:
    """Sends somebody's requests by the town's one client: the server keeps no line open for each of them."""

    def __init__(self, http, token):
        self._http, self._headers = http, {"Authorization": f"Bearer {token}"}

    def __getattr__(self, method):
        return partial(self._http.request, method.upper(), headers=self._headers)


class Person:
    """Somebody with an account, whose session outlives the tests."""

    def __init__(self, town, name, roles, id=None):
        self.town, self.name = town, name
        market = town.market
        self.id = id or market.perform(create_user, f"{name}@example.test", PASSWORD, roles, username=name)
        ((self.session,),) = market.query(BEGIN, id=self.id)
        ((now,),) = market.query("SELECT market_clock()")
        self.token = market.registry["access_tokens"].issue(self.id, self.session, now)
        self.http = Asking(town.http, self.token)

    @classmethod
    def known(cls, town, user):
        """Return somebody who was registered over HTTP."""
        return cls(town, user["username"], [], id=user["id"])

    def socket(self, path="/"):
        """Open a socket; close it by ``with``."""
        return LiveClient(self.town.live.url, token=self.token, path=path)

    def get(self, path, **query):
        """Return the document at ``/api/v1/PATH``."""
        answer = self.http.get(f"/api/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path, body=None, status=201):
        """Send a document to ``/api/v1/PATH`` and return the answer's."""
        answer = self.http.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def start(self, other):
        """Begin to talk with somebody."""
        return self.post("conversations", {"username": other.name})

    def conversation(self, id):
        return self.get(f"conversations/{id}")

    def messages(self, id, **query):
        return self.get(f"conversations/{id}/messages", **query)

    def say(self, id, text, *, client_id=None, files=(), status=201):
        """Send a message."""
        body = {"client_id": client_id or str(uuid.uuid4()), "text": text, "attachments": list(files)}
        return self.post(f"conversations/{id}/messages", body, status)

    def read(self, id, seq, status=200):
        """Say how far they have read."""
        answer = self.http.put(f"/api/v1/conversations/{id}/read", json={"seq": seq})
        assert answer.status_code == status, answer.text
        return answer.json()

    def upload(self, id, data):
        """Upload a file for a message to come; return the answer."""
        return self.http.post(f"/api/v1/conversations/{id}/attachments", files={"file": ("a", data)})

    def block(self, other):
        """Block somebody."""
        assert self.http.put(f"/api/v1/blocks/{other.id}").status_code == 204

    def unblock(self, other):
        assert self.http.delete(f"/api/v1/blocks/{other.id}").status_code == 204
