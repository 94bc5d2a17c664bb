"""Searching by words: the same as a plain look at everything, the newest first, and always of what is on sale now."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from sqlalchemy import text

from marketcore.catalog.search import Catalog, ListingFilter
from marketcore.catalog.services import ListingService, ProductService
from marketcore.db import migrate
from marketcore.exceptions import Conflict
from marketcore.money import Money

TOP = 40_000_000  # so high that stretches of every length are looked at
SEARCHES = {
    "lamp": lambda words: "lamp" in words,
    "lamps": lambda words: "lamp" in words,
    "drum": lambda words: "drum" in words,
    "lamp mirror": lambda words: {"lamp", "mirror"} <= set(words),
    "mirror drum lamp": lambda words: {"lamp", "mirror", "drum"} <= set(words),
    "drum or mirror": lambda words: "drum" in words or "mirror" in words,
    "lamp -mirror": lambda words: "lamp" in words and "mirror" not in words,
    '"mirror lamp"': lambda words: "mirror lamp" in " ".join(words),
    "-lamp": lambda words: "lamp" not in words,
    "trumpet": lambda words: False,
    "the": lambda words: False,
}


@pytest.fixture
def seller(shop):
    return shop.person("seller")


def scattered(dice):
    """Return ids that lie ever less densely the older they are, and some beside where stretches begin."""
    ids = {TOP - dice.randint(0, 2**bits) for bits in (7, 10, 12, 14, 16, 18, 20, 22, 24, 25) for _ in range(25)}
    edges = {(TOP >> bits << bits) - back for bits in (11, 15, 19, 23) for back in (-1, 0, 1, 1 << bits)}
    return sorted({1, 2, *ids, *edges})


def on_sale(shop, seller, dice):
    """Put things on sale under scattered ids, some of them paused; return them as rows, newest first."""
    categories = [shop.category(shop.person("admin"), name)["id"] for name in ("Home", "Garden")]
    likely = {"lamp": 0.6, "mirror": 0.2, "drum": 0.03}
    things = []
    for number in scattered(dice):
        words = [word for word, share in likely.items() if dice.random() < share]
        dice.shuffle(words)
        kind = dice.choice(("fixed_price", "fixed_price", "auction"))
        thing = {"id": number, "words": words, "kind": kind, "category": dice.choice(categories)}
        state = "active" if dice.random() < 0.9 else "paused"
        things.append({**thing, "minor": dice.randint(1, 9), "quantity": dice.randint(0, 1), "state": state})
    shop.market.query(
        """INSERT INTO products (id, seller_id, category_id, title) OVERRIDING SYSTEM VALUE
           SELECT id, :seller, category, CASE WHEN id % 2 = 0 THEN 'Old ' ELSE '' END || array_to_string(words, ' ')
           FROM jsonb_to_recordset(CAST(:things AS jsonb)) AS t(id bigint, category bigint, words text[])""",
        seller=seller.id,
        things=json.dumps(things),
    )
    shop.market.query(
        """INSERT INTO listings (id, product_id, seller_id, category_id, kind, state, currency, price_minor, quantity)
           OVERRIDING SYSTEM VALUE
           SELECT id, id, :seller, category, kind, state, 'KES', minor, quantity
           FROM jsonb_to_recordset(CAST(:things AS jsonb))
             AS t(id bigint, category bigint, kind text, state text, minor bigint, quantity int)""",
        seller=seller.id,
        things=json.dumps(things),
    )
    return things[::-1]


def found(catalog, wanted, sort="newest", size=9, after=None):
    """Return the ids on all pages from the position ``after`` on."""
    ids = []
    while rows := catalog.listings(wanted, sort, after, size):
        assert all(newer.id > older.id for newer, older in pairwise(rows))
        assert not ids or rows[0].id < ids[-1]
        ids += [row.id for row in rows]
        after = [rows[-1].id]
    return ids


def expected(things, q, wanted):
    return [
        thing["id"]
        for thing in things
        if thing["state"] == "active"
        and SEARCHES[q](thing["words"])
        and wanted.kind in (None, thing["kind"])
        and (thing["quantity"] or not wanted.in_stock)
        and wanted.category in (None, str(thing["category"]))
        and (wanted.currency is None or wanted.low <= thing["minor"] <= wanted.high)
    ]


@pytest.mark.parametrize("way", ["enable_seqscan", "enable_bitmapscan"])
def test_B5_K4_words_find_what_a_plain_look_finds_in_the_same_order(shop, seller, way):
    """With the index, and without."""
    dice = random.Random(7)
    things = on_sale(shop, seller, dice)
    home = str(things[0]["category"])
    narrow = [
        {},
        {},
        {"kind": "auction"},
        {"in_stock": True},
        {"category": home},
        {"currency": "KES", "low": 3, "high": 6},
    ]
    narrow.append({"category": home, "currency": "KES", "low": 2, "high": 8})
    with shop.market.work() as request:
        request.db.execute(text(f"SET LOCAL {way} = off"))
        catalog = Catalog(request.db)
        for q in SEARCHES:
            for fields in narrow:
                wanted = ListingFilter(q=q, **fields)
                everything = expected(things, q, wanted)
                assert found(catalog, wanted) == everything, wanted
                after = dice.choice(things)["id"] + dice.randint(-2, 2)
                rest = [number for number in everything if number < after]
                assert found(catalog, wanted, size=100, after=[after]) == rest, (wanted, after)


class Explained:
    """A session that returns how a statement is carried out."""

    def __init__(self, session):
        self._session = session

    def execute(self, statement, values):
        plan = self._session.execute(text(f"EXPLAIN (ANALYZE, TIMING OFF) {statement.text}"), values)
        return ["\n".join(row[0] for row in plan)]


def test_B5_K4_a_full_page_of_the_newest_reads_nothing_older(shop, seller):
    on_sale(shop, seller, random.Random(8))
    with shop.market.work() as request:
        request.db.execute(text("SET LOCAL enable_seqscan = off"))
        (common,) = Catalog(Explained(request.db)).listings(ListingFilter(q="lamp"), "newest", None, 10)
        (rare,) = Catalog(Explained(request.db)).listings(ListingFilter(q="trumpet"), "newest", None, 10)
    looks = [line for line in common.splitlines() if "ix_listing_words_search" in line]
    assert len(looks) == 2
    assert "loops=1)" in looks[0]
    assert "never executed" in looks[1]
    assert "&& steps.stretches" in common
    assert "never executed" not in [line for line in rare.splitlines() if "ix_listing_words_search" in line][1]


def kept(shop):
    """Return how many words are kept, having made sure that they are those of everything that is not closed."""
    wrong = shop.market.query(
        """SELECT id, w.search FROM (
             SELECT l.id, search_words(p.title, p.description) AS words
             FROM listings l JOIN products p ON p.id = l.product_id WHERE l.state <> 'closed') l
           FULL JOIN listing_words w ON w.listing_id = l.id
           WHERE w.search IS DISTINCT FROM l.words"""
    )
    assert wrong == []
    return shop.count("listing_words")


def titles(shop, **query):
    answer = shop.guest.get("/api/v1/listings", params=query)
    assert answer.status_code == 200, answer.text
    return [item["product"]["title"] for item in answer.json()["items"]]


def test_B5_K4_what_sellers_do_is_found_at_once(shop, seller):
    product = shop.product(seller, "Round drum", description="Of cedar.")
    assert kept(shop) == 0
    listing = shop.listing(seller, product)
    assert titles(shop, q="drum") == titles(shop, q="cedar") == ["Round drum"]
    seller.http.patch(f"/api/v1/products/{product}", json={"title": "Square harp"}).raise_for_status()
    assert (titles(shop, q="drum"), titles(shop, q="harp")) == ([], ["Square harp"])
    seller.http.patch(f"/api/v1/products/{product}", json={"description": "Of ebony."}).raise_for_status()
    assert (titles(shop, q="cedar"), titles(shop, q="ebony")) == ([], ["Square harp"])
    for state, shown in (("paused", []), ("active", ["Square harp"])):
        seller.http.patch(f"/api/v1/listings/{listing}", json={"state": state}).raise_for_status()
        assert titles(shop, q="harp") == shown
    assert kept(shop) == 1
    seller.http.delete(f"/api/v1/listings/{listing}").raise_for_status()
    assert (titles(shop, q="harp"), kept(shop)) == ([], 0)
    shop.listing(seller, product)
    assert (titles(shop, q="harp"), kept(shop)) == (["Square harp"], 1)
    seller.http.delete(f"/api/v1/products/{product}").raise_for_status()
    assert (titles(shop, q="harp"), kept(shop)) == ([], 0)


def test_rows_written_by_hand_are_found_too(shop, seller):
    listing = shop.listing(seller, shop.product(seller, "Round drum"))
    shop.market.query("UPDATE products SET title = 'Flute'")
    assert titles(shop, q="flute") == ["Flute"]
    shop.market.query("UPDATE listings SET state = 'closed'")
    assert kept(shop) == 0
    shop.market.query("UPDATE listings SET state = 'active'")
    assert (titles(shop, q="flute"), kept(shop)) == (["Flute"], 1)
    shop.market.query("DELETE FROM listings WHERE id = :id", id=listing)
    assert kept(shop) == 0


def test_sellers_who_rename_publish_and_close_at_the_same_time_leave_the_right_words(shop, seller):
    home = shop.category(shop.person("admin"), "Home")["id"]
    products = [shop.product(seller, f"Thing {number}") for number in range(3)]

    def publish(request, product, _number):
        fields = {"price": Money(100, "KES"), "quantity": 1}
        request.find_service(ListingService).publish(seller.id, product, "fixed_price", fields)

    def rename(request, product, number):
        change = {"title": f"Drum {number}", "category_id": home if number % 3 else None}
        request.find_service(ProductService).change(seller.id, product, change)

    def steer(request, product, number):
        at = {"product": product}
        listing = request.db.scalar(
            text("SELECT id FROM listings WHERE product_id = :product AND state <> 'closed'"), at
        )
        if listing and number % 2:
            request.find_service(ListingService).close(seller.id, listing)
        elif listing:
            state = "paused" if number % 4 else "active"
            request.find_service(ListingService).change(seller.id, listing, {"state": state})

    def go_on(dice):
        for number in range(25):
            action = dice.choice((publish, rename, steer))
            try:
                with shop.market.work() as request:
                    action(request, dice.choice(products), number)
            except Conflict:  # on sale already, or closed meanwhile
                continue

    with ThreadPoolExecutor(4) as hands:
        list(hands.map(go_on, map(random.Random, range(4))))
    kept(shop)


def test_the_words_of_what_is_on_sale_survive_the_way_back_and_forth(shop, seller):
    shop.listing(seller, shop.product(seller, "Round drum"))
    closed = shop.listing(seller, shop.product(seller, "Harp"))
    seller.http.delete(f"/api/v1/listings/{closed}").raise_for_status()
    url = shop.market.settings["marketcore.database_url"]
    migrate.downgrade(url, "core_0020", {})
    found = "SELECT title FROM products WHERE search @@ websearch_to_tsquery('english', 'drums')"
    assert [row.title for row in shop.market.query(found)] == ["Round drum"]
    assert migrate.upgrade(url, [], {}) == ["core_0021", "core_0022"]
    assert kept(shop) == 1
    assert titles(shop, q="drum") == ["Round drum"]
