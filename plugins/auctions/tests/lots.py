"""An auction house from outside: sellers, bidders and auctions over HTTP and sockets, and time that passes."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from functools import cached_property

from marketcore.db import clock
from marketcore.directives import table
from marketcore.events import ListingPublished
from marketcore.identity.services import create_user
from marketcore.jobs.running import run_waiting
from marketcore.ledger.accounts import provider_clearing, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.orders.jobs import expire_unpaid
from marketcore.testing.live import LiveClient
from marketcore.testing.shop import PASSWORD, money_arrives
from marketcore_auctions.events import (
    AuctionClosed,
    AuctionEnding,
    AuctionWon,
    AwardDefaulted,
    BidsPlaced,
    Outbid,
)
from marketcore_auctions.jobs import close_due_auctions, tell_bids, tell_endings
from marketcore_auctions.replay import replay

FACTS = (ListingPublished, AuctionClosed, AuctionEnding, AuctionWon, AwardDefaulted, BidsPlaced, Outbid)


def kes(amount):
    """Return Money in shillings as documents write it."""
    return {"amount": f"{amount:.2f}" if isinstance(amount, int | float) else amount, "currency": "KES"}


def stamp(moment):
    """Return a time as documents write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Person:
    """Somebody with an account: requests as theirs, whatever the time."""

    def __init__(self, house, *roles):
        self.house, self.roles = house, roles
        self.name = f"{roles[0]}-{uuid.uuid4().hex[:10]}"
        self.id = house.market.perform(create_user, f"{self.name}@example.test", PASSWORD, list(roles))
        self._http = house.market.client()
        self.log_in()

    def log_in(self):
        """Begin a session that outlives the test."""
        begin = "INSERT INTO auth_sessions (user_id, expires_at) VALUES (:id, market_clock() + '300 days') RETURNING id"
        ((self.session,),) = self.house.market.query(begin, id=self.id)
        self._moment = self.house.travelled
        self._http.headers["Authorization"] = f"Bearer {self.token}"
        return self

    @property
    def token(self):
        return self.house.market.registry["access_tokens"].issue(self.id, self.session, self.house.now())

    @property
    def http(self):
        """A client with a token of the present."""
        if self._moment != self.house.travelled:
            self.log_in()
        return self._http

    def socket(self, path="/"):
        """Open a socket; close it by ``with``."""
        return LiveClient(self.house.live.url, token=self.token, path=path)

    def listen(self):
        """Open a socket that listens to the person's own channel from now on."""
        socket = self.socket()
        socket.subscribe(f"user:{self.id}")
        return socket

    def bid(self, lot, amount):
        """Send a bid over HTTP and return the answer."""
        maximum = amount if isinstance(amount, dict) else kes(amount)
        return self.http.post(f"/api/v1/auctions/{lot['id']}/bids", json={"maximum": maximum})

    def act(self, lot, what, method="POST", **options):
        """Ask for ``retraction``, ``cancellation``, ``purchase`` or ``watch``."""
        return self.http.request(method, f"/api/v1/auctions/{lot['id']}/{what}", **options)

    def fill(self, amount, currency="KES"):
        """Put money into the wallet."""
        id = business_id("gift", uuid.uuid4())
        into = wallet(self.id, currency)
        gift = Transfer(id, provider_clearing("gift", currency), into, amount * 100, "gift", "test", "1")
        self.house.market.perform(lambda request: request.find_service(LedgerService).transfer([gift], event_id=id))
        return self

    def purse(self, currency="KES"):
        """Return what the wallet has available and held, in minor units."""

        def read(request):
            found = request.find_service(LedgerService).balance(wallet(self.id, currency))
            return found.available_minor, found.reserved_minor

        return self.house.market.perform(read)

    def won(self, lot):
        """Return the one order of theirs for the lot, with its checkout's id; ``None`` if there is none."""
        rows = self.house.market.query(
            """SELECT o.id, o.state, o.checkout_id, o.total_minor, a.state AS award, a.round, a.due_at
               FROM orders o JOIN auctions_awards a ON a.order_id = o.id
               WHERE o.buyer_id = :user AND a.auction_id = :lot""",
            user=self.id,
            lot=lot["id"],
        )
        assert len(rows) <= 1
        return rows[0] if rows else None

    def pay(self, lot):
        """Let money arrive for the order of the lot; return whether the order took it."""
        return money_arrives(self.house.market, self.won(lot).checkout_id)

    def cancel_order(self, lot):
        """Cancel the order of the lot that somebody has won, as this person."""
        ((order_id,),) = self.house.market.query(
            """SELECT order_id FROM auctions_awards WHERE auction_id = :lot ORDER BY round DESC LIMIT 1""",
            lot=lot["id"],
        )
        return self.http.post(f"/api/v1/orders/{order_id}/steps", json={"to": "cancelled"})

    @property
    def violations(self):
        """The kinds of what stands against the person."""
        found = "SELECT kind FROM violations WHERE user_id = :id AND pardoned_at IS NULL ORDER BY id"
        return [row.kind for row in self.house.market.query(found, id=self.id)]


class AuctionHouse:
    """A served market that sells by auction."""

    def __init__(self, market):
        self.market = market
        self.live = None
        self.travelled = timedelta()
        self.facts = []
        for kind in FACTS:
            table(market.registry, "event subscribers")[f"test {kind.__name__}"] = (kind, self._hear)

    def _hear(self, _request, fact):
        self.facts.append(fact)

    def told(self, kind, lot):
        """Return the facts of ``kind`` about the lot that have been emitted."""
        return [fact for fact in self.facts if isinstance(fact, kind) and fact.auction_id == lot["id"]]

    def person(self, *roles):
        """Return somebody new, a buyer where nothing else is said."""
        return Person(self, *(roles or ("buyer",)))

    def people(self, count):
        """Return so many new buyers."""
        return [self.person() for _ in range(count)]

    @cached_property
    def seller(self):
        """The seller of what nobody else sells."""
        return self.person("seller")

    @cached_property
    def admin(self):
        """The admin."""
        return self.person("admin")

    def block(self, person):
        """Block somebody, who logs in again."""
        answer = self.admin.http.post(f"/api/v1/users/{person.id}/block", json={"reason": "bad faith"})
        assert answer.status_code == 200, answer.text
        return person.log_in()

    def offer(self, seller=None, **terms):
        """Send the request that publishes an auction of something new; return its answer."""
        seller = seller or self.seller
        title = {"title": f"Lamu chest {uuid.uuid4().hex[:8]}"}
        product = seller.http.post("/api/v1/products", json=title).json()
        given = {"price": kes(100), **terms}
        if not {"ends_at", "duration_minutes"} & given.keys():
            given["duration_minutes"] = 60
        auction = {name: value for name, value in given.items() if value is not None}
        body = {"product_id": product["id"], "auction": auction}
        return seller.http.post("/api/v1/listings", json=body)

    def publish(self, seller=None, **terms):
        """Return the document of a new auction."""
        answer = self.offer(seller, **terms)
        assert answer.status_code == 201, answer.text
        return self.look(answer.json())

    def look(self, lot, by=None):
        """Return how an auction stands."""
        answer = (by or self.seller).http.get(f"/api/v1/auctions/{lot['id']}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def now(self):
        """Return the market's time."""
        return self.market.perform(lambda request: clock.now(request.db))

    def travel(self, **duration):
        """Let time pass: ``travel(minutes=3)``."""
        self.travelled += timedelta(**duration)
        self.market.travel(f"{self.travelled.total_seconds():.0f} seconds")

    def travel_to_end(self, lot, *, before=0):
        """Let time pass until ``before`` seconds before the lot's end, or a second after it."""
        left = (datetime.fromisoformat(self.look(lot)["ends_at"]) - self.now()).total_seconds()
        self.travel(seconds=left - before if before else left + 1)

    def close_due(self):
        """Let the clock's job close what is over, and what follows from it."""
        close_due_auctions(self.market.registry)

    def end(self, lot):
        """Let an auction's time be up, close it, and return its document."""
        self.travel_to_end(lot)
        self.close_due()
        return self.look(lot)

    def default(self, lot):
        """Let the time to pay for a lot be over, with all that follows; return the lot's document."""
        self.travel(minutes=24 * 60 + 1)
        return self.go_on(lot)

    def go_on(self, lot):
        """Let deadlines of orders and what waits for workers be dealt with; return the lot's document."""
        self.market.perform(expire_unpaid)
        run_waiting(self.market.registry)
        return self.look(lot)

    def tell(self):
        """Let the clock's jobs tell what is new."""
        self.market.perform(tell_bids)
        self.market.perform(tell_endings)

    def log(self, lot):
        """Return the log of an auction, straight from the table."""
        statement = "SELECT text, hash FROM auctions_log WHERE auction_id = :id ORDER BY seq"
        return [tuple(row) for row in self.market.query(statement, id=lot["id"])]

    def check_logs(self):
        """Run every log through the engine again."""
        for (auction_id,) in self.market.query("SELECT listing_id FROM auctions_auctions ORDER BY listing_id"):
            assert replay(self.log({"id": auction_id})).differences == [], auction_id
