"""marketcore's side: its database, its configuration file, its processes, and tokens of its users."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from bench import goods
from bench.databases import connect, create, finish, indexes_later, run, run_together
from bench.processes import Process, Processes, free_port
from marketcore.db import migrate
from marketcore.db.session import make_engine
from marketcore.identity.tokens import AccessTokens
from marketcore.plugins import migration_locations
from marketcore.secrets import Secrets
from marketcore.testing.databases import with_database
from marketcore.web.pagination import encode_cursor
from marketcore_auctions.opening import open_auction

SECRET = "the secret of a measurement, known to everybody"
HOOK_SECRET = "whsec_of_a_measurement_on_this_machine"
PUBLIC_URL = "http://127.0.0.1:8000"
PLUGINS = ("auctions", "payments_stripe")
_TOKEN_SECONDS = 7200


class Market:
    """A marketplace of ``products``; ``processes`` run what serves it."""

    def __init__(
        self, folder: Path, admin_url: str, redis_url: str, processes: Processes, name: str = "market"
    ) -> None:
        self.name = name
        self.folder = folder
        self.url = with_database(admin_url, f"bench_{name}")
        self.redis_url = redis_url
        self._admin_url = admin_url
        self._processes = processes
        self._secrets = Secrets(SECRET)
        self._tokens = AccessTokens(self._secrets.derive("access-token"), issuer=PUBLIC_URL, lifetime=_TOKEN_SECONDS)

    def prepare(self, products: int = goods.PRODUCTS, auctions: int = goods.AUCTIONS + goods.RESERVED_AUCTIONS) -> None:
        """Create and fill the database, unless it is there."""
        new = create(self._admin_url, f"bench_{self.name}")
        locations = migration_locations()
        migrate.upgrade(self.url, [plugin for plugin in PLUGINS if plugin in locations], locations)
        if not new:
            return
        run(self.url, *people())
        with indexes_later(self.url, "products", "listings", "listing_words"):
            run_together(self.url, *products_of(products), *listings_of(products, auctions))
            run(self.url, words_of_listings())
        run(self.url, *counters())
        open_auctions(self.url, auctions)
        finish(self.url)

    def connect(self) -> psycopg.Connection[Any]:
        """Return an autocommitting connection to the database, for loading and for checking."""
        return connect(self.url)

    def web(self, number: int = 0) -> Process:
        """Return one of the web processes, each with a worker of eight threads."""
        return self._serve("web", number, "web.port")

    def web_ports(self) -> list[int]:
        """Return the ports of two web processes."""
        return [self.web(number).port for number in (0, 1)]

    def live(self) -> Process:
        """Return the live process."""
        return self._serve("live", 0, "live.port")

    def worker(self) -> Process:
        """Return the worker."""
        command = [sys.executable, "-m", "marketcore.cli", "-c", str(self._ini("worker", {})), "worker"]
        return self._processes.start(f"{self.name}-worker", command)

    def stop(self, *kinds: str) -> None:
        """End the processes of these kinds (``web``, ``live``, ``worker``)."""
        self._processes.stop(*(f"{self.name}-{kind}" for kind in kinds), *(f"{self.name}-{kind}-0" for kind in kinds))
        self._processes.stop(*(f"{self.name}-{kind}-1" for kind in kinds))

    def _serve(self, kind: str, number: int, port_setting: str) -> Process:
        name = f"{self.name}-{kind}-{number}"
        if running := self._processes.find(name):
            return running
        port = free_port()
        ini = self._ini(f"{kind}-{number}", {port_setting: port})
        command = [sys.executable, "-m", "marketcore.cli", "-c", str(ini), kind]
        return self._processes.start(name, command, port=port)

    def _ini(self, name: str, settings: Mapping[str, Any]) -> Path:
        path = self.folder / f"{self.name}-{name}.ini"
        lines = [f"{key} = {value}" for key, value in {**self._settings(), **settings}.items()]
        path.write_text("\n".join(["[app:main]", "use = egg:marketcore", *lines]) + "\n")
        return path

    def _settings(self) -> dict[str, Any]:
        """Return the configuration: everything as in production; limits so high that load is no abuse."""
        return {
            "marketcore.environment": "production",
            "marketcore.plugins": " ".join(PLUGINS),
            "marketcore.data_dir": self.folder / "data",
            "marketcore.database_url": self.url,
            "marketcore.redis_url": self.redis_url,
            "marketcore.secret": SECRET,
            "marketcore.public_url": PUBLIC_URL,
            "live.sockets_per_ip": 100_000,
            "live.sockets_per_user": 10_000,
            "live.messages_per_second": 1_000,
            "payments.route.*": "stripe",
            "payments_stripe.mode": "intent",
            "payments_stripe.base_url": "http://127.0.0.1:9",
            "payments_stripe.api_key": "sk_test_of_a_measurement",
            "payments_stripe.webhook_secrets": HOOK_SECRET,
        }

    @lru_cache(maxsize=20_000)  # noqa: B019 - there are few markets, and they live as long as the program
    def bearer(self, user_id: int) -> dict[str, str]:
        """Return the header of a logged-in user."""
        token = self._tokens.issue(user_id, session_id(user_id), datetime.now(UTC))
        return {"Authorization": f"Bearer {token}"}

    def cursor(self, scope: str, position: list[int]) -> str:
        """Return a cursor of the list ``scope``, as a page ending there would have given it."""
        return encode_cursor({"secrets": self._secrets}, scope, position)


def session_id(user_id: int) -> UUID:
    """Return the id of a user's only session."""
    return UUID(hashlib.md5(f"session {user_id}".encode(), usedforsecurity=False).hexdigest())


def open_auctions(url: str, auctions: int) -> None:
    """Open an auction on each listing that is one, as a seller's request would have, all in one transaction."""
    now = datetime.now(UTC)
    end = now + timedelta(days=1)
    terms: dict[str, Any] = {
        "reserve_minor": None,
        "buy_now_minor": None,
        "deposit_minor": None,
        "increments": [[0, goods.STEP]],
    }
    terms |= {"starts_at": now, "ends_at": end, "latest_end_at": end + timedelta(hours=1), "relists_left": 0}
    terms |= {"soft_close": "extend", "window_seconds": 60, "extension_seconds": 60, "if_unpaid": "end"}
    engine = make_engine(url, pool_size=1)
    with Session(engine) as session, session.begin():
        for auction_id in range(1, auctions + 1):
            open_auction(session, auction_id, terms, now)
    engine.dispose()


def people() -> list[str]:
    """Return the statements that write users, their sessions, and categories."""
    everybody = goods.USERS + goods.BUYERS
    return [
        f"""INSERT INTO users (id, email, username, password_hash, roles) OVERRIDING SYSTEM VALUE
            SELECT u, 'user' || u || '@bench.example', 'user' || u, '-', '{{buyer,seller}}'
            FROM generate_series(1, {everybody}) u""",
        f"""INSERT INTO auth_sessions (id, user_id, expires_at)
            SELECT md5('session ' || u)::uuid, u, now() + interval '1 day' FROM generate_series(1, {everybody}) u""",
        f"""INSERT INTO categories (id, name, slug) OVERRIDING SYSTEM VALUE
            SELECT c, 'Category ' || c, 'category-' || c FROM generate_series(1, {goods.CATEGORIES}) c""",
    ]


def products_of(products: int) -> Iterator[str]:
    """Yield the statements that write so many products, one for each of the two connections that load."""
    for low, high in ((1, products // 2), (products // 2 + 1, products)):
        yield f"""
            SET session_replication_role = replica;
            INSERT INTO products (id, seller_id, category_id, title, description) OVERRIDING SYSTEM VALUE
            SELECT i, {goods.SELLER}, {goods.CATEGORY}, {goods.TITLE}, {goods.DESCRIPTION}
            FROM generate_series({low}, {high}) i"""


def listings_of(products: int, auctions: int) -> Iterator[str]:
    """Yield the statements that put the products on sale: the first by auction, the others at a fixed price."""
    kinds = (
        ("auction", goods.STEP, 1, 1, auctions),
        ("fixed_price", goods.PRICE_MINOR, goods.STOCK, auctions + 1, products),
    )
    for kind, price, quantity, low, high in kinds:
        yield f"""
            SET session_replication_role = replica;
            INSERT INTO listings (id, product_id, seller_id, category_id, kind, currency, price_minor, quantity)
            OVERRIDING SYSTEM VALUE
            SELECT i, i, {goods.SELLER}, {goods.CATEGORY}, '{kind}', 'KES', {price}, {quantity}
            FROM generate_series({low}, {high}) i"""


def words_of_listings() -> str:
    """Return the statement that does what a trigger would have done, had it not been off while listings were loaded."""
    return """
        INSERT INTO listing_words (listing_id, search)
        SELECT l.id, search_words(p.title, p.description) FROM listings l JOIN products p ON p.id = l.product_id
        ORDER BY l.id"""


def counters() -> Iterator[str]:
    """Yield the statements that let new rows be numbered after those that were loaded."""
    for table in ("users", "categories", "products", "listings"):
        yield f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
