"""A live sale from outside: sellers, bidders and credits over HTTP and sockets, and time that passes."""

from __future__ import annotations

import uuid
from datetime import timedelta
from itertools import count

from marketcore.db import clock
from marketcore.events import SellerVerified
from marketcore.jobs.running import run_waiting
from marketcore.ledger.accounts import provider_clearing, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.orders.jobs import expire_unpaid, lapse_awards
from marketcore.testing.live import LiveClient
from marketcore.testing.shop import ADDRESS
from marketcore_auctions.auditing import audit
from marketcore_auctions.jobs import close_due_auctions
from marketcore_livestream.credits import CreditService
from marketcore_livestream.jobs import meter_streams

_PERSON = """INSERT INTO users (email, username, password_hash, roles)
             VALUES (:name || '@example.test', :name, 'x', CAST(:roles AS text[])) RETURNING id"""
_SESSION = """INSERT INTO auth_sessions (user_id, expires_at) VALUES (:id, market_clock() + '300 days') RETURNING id"""
_NUMBERS = count(1)


def kes(amount):
    """Return Money in shillings as documents write it."""
    return {"amount": f"{amount:.2f}", "currency": "KES"}


class Listener(LiveClient):
    """A socket that waits for one event among others."""

    def event(self, type):
        """Return the data of the next event of this type."""
        while (event := self.next_event())["type"] != type:
            pass
        return event["data"]


class Person:
    """Somebody with an account: requests as theirs, whatever the time."""

    def __init__(self, stage, *roles):
        self.stage = stage
        self.name = f"{roles[0]}{next(_NUMBERS)}{uuid.uuid4().hex[:6]}"
        market = stage.market
        ((self.id,),) = market.query(_PERSON, name=self.name, roles="{" + ",".join(roles) + "}")
        ((self.session,),) = market.query(_SESSION, id=self.id)
        self._http = market.client()
        self._moment = None

    @property
    def token(self):
        return self.stage.market.registry["access_tokens"].issue(self.id, self.session, self.stage.now())

    @property
    def http(self):
        """A client with a token of the present."""
        if self._moment != self.stage.travelled:
            self._http.headers["Authorization"] = f"Bearer {self.token}"
            self._moment = self.stage.travelled
        return self._http

    def post(self, path, **body):
        """Send a body and return the answer."""
        return self.http.post(f"/api/v1{path}", json=body)

    def get(self, path):
        """Return a document."""
        answer = self.http.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def socket(self, channel):
        """Open a socket that listens to ``channel`` from now on."""
        socket = Listener(self.stage.live.url, token=self.token)
        socket.subscribe(channel)
        return socket

    def bid(self, session, amount):
        """Send a bid for a session and return the answer."""
        return self.post(f"/auctions/{session['id']}/bids", maximum=kes(amount))

    @property
    def cart(self):
        """What is in the cart."""
        return self.get("/cart")["items"]

    @property
    def violations(self):
        """The kinds of what stands against the person, with what it is about."""
        return [(item["kind"], item["listing_id"] or "order") for item in self.get("/users/me/violations")["items"]]

    @property
    def credits(self):
        """How many credits a seller has."""
        return self.get("/livestreams/credits")["balance"]

    def check_out(self, **more):
        """Order the cart."""
        return self.post("/checkouts", ship_to=ADDRESS, **more)


class Stage:
    """A served market with live streams."""

    def __init__(self, market):
        self.market = market
        self.live = None
        self.travelled = timedelta()

    def seller(self, credits=1):
        """Return a new seller with so many credits."""
        seller = Person(self, "seller", "buyer")
        if credits:
            self.give(seller, credits)
        return seller

    def buyers(self, number):
        """Return so many new buyers."""
        return [Person(self, "buyer") for _ in range(number)]

    def fill(self, person, amount):
        """Put money into somebody's wallet."""
        id = business_id("gift", uuid.uuid4())
        source, purse = provider_clearing("gift", "KES"), wallet(person.id, "KES")
        gift = Transfer(id, source, purse, amount * 100, "gift", "test", "1")
        self.market.perform(lambda request: request.find_service(LedgerService).transfer([gift], event_id=id))

    def give(self, seller, credits):
        """Give a seller credits without asking."""
        self.market.perform(
            lambda request: request.find_service(CreditService).change(seller.id, "grant", credits, uuid.uuid4())
        )

    def verify(self, seller, *, verified=True):
        """Tell the marketplace that a seller was verified, or is not any more."""
        self.market.perform(lambda request: request.emit(SellerVerified(seller.id, verified)))

    def plan(self, seller, products=0):
        """Return a new stream with so many products in its run list."""
        stream = ok(seller.post("/livestreams", title="Lamu chests"), 201)
        stream["products"] = [self.product(seller) for _ in range(products)]
        for product_id in stream["products"]:
            ok(seller.post(f"/livestreams/{stream['id']}/items", product_id=product_id), 201)
        return stream

    def product(self, seller):
        """Return the id of something new of a seller's."""
        return ok(seller.post("/products", title=f"Chest {uuid.uuid4().hex[:6]}"), 201)["id"]

    def list(self, seller, product_id, price, quantity=1):
        """Return a new listing at a fixed price."""
        terms = {"price": kes(price), "quantity": quantity}
        return ok(seller.post("/listings", product_id=product_id, fixed_price=terms), 201)

    def start(self, seller, stream):
        """Begin a stream and return the answer."""
        return seller.post(f"/livestreams/{stream['id']}/start")

    def on_air(self, products=1, credits=1):
        """Return a seller and their live stream."""
        seller = self.seller(credits)
        stream = self.plan(seller, products)
        ok(self.start(seller, stream), 200)
        return seller, stream

    def open(self, seller, stream, price=100, **terms):
        """Return a new session of a stream."""
        return ok(seller.post(f"/livestreams/{stream['id']}/sessions", price=kes(price), **terms), 201)

    def step(self, seller, session, what):
        """Ask for ``pause``, ``resume`` or ``close``, and return the answer."""
        return seller.post(f"/livestreams/{session['stream_id']}/sessions/{session['id']}/{what}")

    def look(self, session, by=None):
        """Return how a session stands."""
        who = by or self.anybody
        return who.get(f"/livestreams/{session['stream_id']}/sessions/{session['id']}")

    @property
    def anybody(self):
        """Somebody who looks."""
        if not hasattr(self, "_anybody"):
            (self._anybody,) = self.buyers(1)
        return self._anybody

    def now(self):
        """Return the market's time."""
        return self.market.perform(lambda request: clock.now(request.db))

    def travel(self, **duration):
        """Let time pass: ``travel(minutes=3)``."""
        self.travelled += timedelta(**duration)
        self.market.travel(f"{self.travelled.total_seconds():.0f} seconds")

    def meter(self):
        """Let the meter's job run."""
        meter_streams(self.market.registry)

    def close_due(self):
        """Let the closer of auctions run."""
        close_due_auctions(self.market.registry)

    def go_on(self):
        """Let deadlines of carts and orders, and what waits for workers, be dealt with."""
        self.market.perform(lapse_awards)
        self.market.perform(expire_unpaid)
        run_waiting(self.market.registry)

    def stream_state(self, stream):
        """Return the state of a stream and why it has ended."""
        document = self.anybody.get(f"/livestreams/{stream['id']}")
        return document["state"], document["end_reason"]

    def slots(self, stream):
        """Return the slots of a stream that were charged."""
        sql = "SELECT slot FROM livestream_credit_entries WHERE stream_id = :id ORDER BY slot"
        return [row.slot for row in self.market.query(sql, id=stream["id"])]

    def stock(self, session):
        """Return what is left of a session's listing, and its state."""
        ((quantity, state),) = self.market.query(
            "SELECT quantity, state FROM listings WHERE id = :id", id=session["id"]
        )
        return quantity, state

    def check_books(self):
        """Every balance is the sum of its entries, entry by entry, and every log is what the engine makes of it."""
        rows = self.market.query(
            """SELECT e.balance, sum(e.change) OVER (PARTITION BY e.seller_id ORDER BY e.id) AS sum, a.balance AS now,
                      lead(e.id) OVER (PARTITION BY e.seller_id ORDER BY e.id) IS NULL AS last
               FROM livestream_credit_entries e JOIN livestream_credit_accounts a USING (seller_id)"""
        )
        assert all(row.balance == row.sum and (row.now == row.balance or not row.last) for row in rows)
        for (auction_id,) in self.market.query("SELECT listing_id FROM auctions_auctions ORDER BY listing_id"):
            assert audit(self.market.registry["engine"], auction_id).differences == [], auction_id


def ok(answer, status=200):
    """Return the document of an answer that has this status."""
    assert answer.status_code == status, answer.text
    return answer.json()


def refused(answer, status, code):
    """Return the problem of an answer that refuses."""
    problem = answer.json()
    assert (answer.status_code, problem["type"].rpartition(":")[2]) == (status, code), answer.text
    return problem
