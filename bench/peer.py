"""The Django side: its database, its processes, and tokens of its users."""

from __future__ import annotations

import subprocess
import time
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from joserfc import jwt
from joserfc.jwk import OctKey

from bench import goods
from bench.databases import connect, create, finish, plain, run
from bench.processes import Process, Processes, free_port
from marketcore.testing.databases import with_database

FOLDER = Path(__file__).parent / "peer_django"
SECRET = "the secret of the peer, known to everybody"
HOOK_SECRET = "whsec_of_a_measurement_on_this_machine"
THREADS = 8


class Peer:
    """The same shop on Django; ``python`` is the interpreter of the environment it is installed in."""

    def __init__(self, folder: Path, admin_url: str, redis_url: str, processes: Processes, python: Path) -> None:
        self.folder = folder
        self.url = with_database(admin_url, "bench_peer")
        self._admin_url = admin_url
        self._processes = processes
        self.python = python.absolute()
        self.environment = {
            "PEER_DATABASE_URL": plain(self.url),
            "PEER_REDIS_URL": redis_url,
            "PEER_SECRET": SECRET,
            "PEER_WEBHOOK_SECRET": HOOK_SECRET,
            "PYTHONPATH": str(FOLDER),
            "DJANGO_SETTINGS_MODULE": "peer.settings",
        }

    def prepare(self) -> None:
        """Create and fill the database, unless it is there."""
        if not create(self._admin_url, "bench_peer"):
            return
        command = [str(self.python), str(FOLDER / "manage.py"), "migrate", "-v", "0"]
        subprocess.run(command, env=self.environment, check=True)
        run(self.url, *goods_of_peer())
        finish(self.url)

    def connect(self) -> psycopg.Connection[Any]:
        """Return an autocommitting connection to the database, for loading and for checking."""
        return connect(self.url)

    def web(self, number: int = 0) -> Process:
        """Return one of the gunicorn servers, each with one worker of eight threads."""
        options = ["-w", "1", "-k", "gthread", "--threads", str(THREADS), "--keep-alive", "120", "--no-control-socket"]
        port = free_port()
        command = [str(self.python), "-m", "gunicorn", *options, "-b", f"127.0.0.1:{port}", "peer.wsgi:application"]
        return self._start(f"peer-web-{number}", command, port)

    def web_ports(self) -> list[int]:
        """Return the ports of two gunicorn servers."""
        return [self.web(number).port for number in (0, 1)]

    def live(self) -> Process:
        """Return the daphne server."""
        port = free_port()
        options = ["-b", "127.0.0.1", "-p", str(port), "--access-log", "/dev/null"]
        return self._start("peer-live", [str(self.python), "-m", "daphne", *options, "peer.asgi:application"], port)

    def _start(self, name: str, command: list[str], port: int) -> Process:
        return self._processes.start(name, command, port=port, environment=self.environment)

    @lru_cache(maxsize=20_000)  # noqa: B019 - there is one peer, and it lives as long as the program
    def token(self, user_id: int) -> str:
        """Return an access token of a user, as SimpleJWT issues them."""
        now = int(time.time())
        claims = {
            "token_type": "access",
            "exp": now + 7200,
            "iat": now,
            "jti": uuid.uuid4().hex,
            "user_id": str(user_id),
        }
        return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(SECRET))

    def bearer(self, user_id: int) -> dict[str, str]:
        """Return the header of a logged-in user."""
        return {"Authorization": f"Bearer {self.token(user_id)}"}


def goods_of_peer() -> list[str]:
    """Return the statements that write people, products and auctions."""
    everybody = goods.USERS + goods.BUYERS
    return [
        "SET maintenance_work_mem = '512MB'",
        f"""INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff,
                                   is_active, date_joined) OVERRIDING SYSTEM VALUE
            SELECT u, '-', false, 'user' || u, '', '', 'user' || u || '@bench.example', false, true, now()
            FROM generate_series(1, {everybody}) u""",
        f"""INSERT INTO shop_category (id, name, slug) OVERRIDING SYSTEM VALUE
            SELECT c, 'Category ' || c, 'category-' || c FROM generate_series(1, {goods.CATEGORIES}) c""",
        f"""INSERT INTO shop_product (id, seller_id, category_id, title, description, price, currency, stock, active,
                                      created_at) OVERRIDING SYSTEM VALUE
            SELECT i, {goods.SELLER}, {goods.CATEGORY}, {goods.TITLE}, {goods.DESCRIPTION},
                   ({goods.PRICE_MINOR})::numeric / 100, 'KES', {goods.STOCK}, true, now()
            FROM generate_series(1, {goods.PRODUCTS}) i""",
        f"""INSERT INTO shop_auction (id, product_id, seller_id, price, step, bid_count, ends_at)
            OVERRIDING SYSTEM VALUE
            SELECT i, i, {goods.SELLER}, 1, 1, 0, now() + interval '1 day'
            FROM generate_series(1, {goods.AUCTIONS}) i""",
    ]
