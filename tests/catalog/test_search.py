"""Search: what is on sale, by words, category, price and seller, in pages that lose nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest


@pytest.fixture
def seller(shop):
    return shop.person("seller")


def fill(shop, seller, count, *, category_id=None, currency="KES", start=0):
    """Put ``count`` things on sale; prices repeat, so that ties have to be broken."""
    shop.market.query(
        """WITH p AS (
               INSERT INTO products (seller_id, category_id, title)
               SELECT :seller, :category, 'Thing ' || n FROM generate_series(:start + 1, :start + :count) n
               RETURNING id, seller_id, category_id)
           INSERT INTO listings (product_id, seller_id, category_id, kind, currency, price_minor, quantity)
           SELECT id, seller_id, category_id, 'fixed_price', :currency, 100 * (1 + id % 5), id % 3 FROM p""",
        seller=seller.id,
        category=category_id,
        count=count,
        currency=currency,
        start=start,
    )


def search(shop, **query):
    answer = shop.guest.get("/api/v1/listings", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def titles(shop, **query):
    return {item["product"]["title"] for item in search(shop, **query)["items"]}


def pages(shop, between=lambda: None, **query):
    """Return the items of all pages, calling ``between`` before each further one."""
    page = search(shop, **query)
    items = page["items"]
    while page["next"]:
        between()
        page = search(shop, **query, cursor=page["next"])
        items += page["items"]
    return items


def test_B5_K4_words_find_titles_and_descriptions_in_any_grammatical_form(shop, seller):
    goods = {
        "Running shoes": "Light, for the road.",
        "Kiondo basket": "Woven by hand; carries shoes and shopping.",
        "Brass lantern": "Runs on paraffin.",
        "Tent": "For two.",
    }
    for title, description in goods.items():
        shop.listing(seller, shop.product(seller, title, description=description))
    assert titles(shop, q="shoe") == {"Running shoes", "Kiondo basket"}
    assert titles(shop, q="run") == {"Running shoes", "Brass lantern"}
    assert titles(shop, q="shoes -basket") == {"Running shoes"}
    assert titles(shop, q='"woven by hand"') == {"Kiondo basket"}
    assert titles(shop, q='"hand by woven"') == set()
    assert titles(shop, q="tent or lantern") == {"Tent", "Brass lantern"}
    assert titles(shop, q="shoes tent") == set()
    assert titles(shop, q="the") == set()


def test_what_a_search_may_contain_never_breaks_it(shop, seller):
    shop.listing(seller, shop.product(seller))
    for hostile in ("' OR 1=1 --", "a & | ! ( )", "%_\\", '"', ":*", "\u202e\ufffd", "𝔘𝔫𝔦", "-", "teapot':*"):
        assert shop.guest.get("/api/v1/listings", params={"q": hostile}).status_code == 200, hostile
    assert len(search(shop)["items"]) == 1


def test_B5_K4_a_category_includes_what_lies_below_it(shop, seller):
    admin = shop.person("admin")
    home = shop.category(admin, "Home")
    kitchen = shop.category(admin, "Kitchen", home["id"])
    pots = shop.category(admin, "Pots", kitchen["id"])
    books = shop.category(admin, "Books")
    for category in (home, kitchen, pots, books):
        shop.listing(seller, shop.product(seller, category["name"], category_id=category["id"]))
    shop.listing(seller, shop.product(seller, "Loose"))
    assert titles(shop, category="home") == {"Home", "Kitchen", "Pots"}
    assert titles(shop, category=kitchen["id"]) == {"Kitchen", "Pots"}
    assert titles(shop, category="books") == {"Books"}
    assert titles(shop, category="home", q="pot") == {"Pots"}
    assert titles(shop, category="nowhere") == titles(shop, category=987654) == set()
    assert len(titles(shop)) == 5


def test_B5_K4_prices_are_compared_exactly_and_within_one_currency(shop, seller):
    for amount, currency in (("9.99", "USD"), ("10.00", "USD"), ("10.01", "USD"), ("10.00", "KES"), ("10", "JPY")):
        shop.listing(seller, shop.product(seller, f"{amount} {currency}"), amount, currency=currency)
    assert titles(shop, min_price="10.00", max_price="10.00", currency="USD") == {"10.00 USD"}
    assert titles(shop, min_price="10.00", currency="USD") == {"10.00 USD", "10.01 USD"}
    assert titles(shop, max_price="9.99", currency="USD") == {"9.99 USD"}
    assert titles(shop, max_price="10.5") == {"10.00 KES"}
    assert titles(shop, currency="JPY") == {"10 JPY"}
    assert titles(shop, sort="price") == {"10.00 KES"}
    assert len(titles(shop)) == 5


def test_seller_kind_and_stock_narrow_a_search(shop, seller):
    other = shop.person("seller")
    plenty, gone = shop.listing(seller, shop.product(seller, "Plenty")), shop.listing(seller, shop.product(seller))
    seller.http.patch(f"/api/v1/listings/{gone}", json={"quantity": 0})
    shop.listing(other, shop.product(other, "Theirs"))
    assert titles(shop, in_stock="true") == {"Plenty", "Theirs"}
    assert titles(shop, seller_id=other.id) == {"Theirs"}
    assert [item["id"] for item in search(shop, seller_id=seller.id, in_stock="true")["items"]] == [plenty]
    assert len(titles(shop, kind="fixed_price")) == 3
    assert titles(shop, kind="auction") == set()


@pytest.fixture(params=["rare", "common"])
def words(request, monkeypatch):
    """Let the test's word be a rare or a common one: each is looked up in its own way."""
    monkeypatch.setattr("marketcore.catalog.search.FEW", {"rare": 500, "common": 3}[request.param])


@pytest.mark.parametrize(
    "narrow", [{"q": "lamp"}, {"q": "lamp", "category": "lights"}, {"q": "lamp", "in_stock": "true"}]
)
def test_rare_and_common_words_are_found_alike(shop, seller, words, narrow):
    lights = shop.category(shop.person("admin"), "Lights")
    lamps = [shop.listing(seller, shop.product(seller, f"Lamp {n}", category_id=lights["id"])) for n in range(5)]
    shop.listing(seller, shop.product(seller, "Torch", category_id=lights["id"]))
    shop.product(seller, "Lamp not on sale")
    assert [item["id"] for item in search(shop, **narrow)["items"]] == lamps[::-1]
    assert [item["id"] for item in search(shop, sort="price", **narrow)["items"]] == lamps
    assert [item["id"] for item in search(shop, sort="-price", seller_id=seller.id, **narrow)["items"]] == lamps[::-1]


@pytest.mark.parametrize("sort", ["newest", "price", "-price"])
@pytest.mark.parametrize(
    "narrow",
    [{}, {"category": "things"}, {"q": "thing"}, {"q": "thing", "category": "things"}, {"in_stock": "false"}],
)
def test_B5_K4_pages_show_everything_once_while_sellers_go_on_publishing(shop, seller, words, sort, narrow):
    category = shop.category(shop.person("admin"), "Things")
    fill(shop, seller, 40, category_id=category["id"])
    before = {row.id for row in shop.market.query("SELECT id FROM listings")}
    rounds = iter(range(1, 1000))

    def go_on_publishing():
        fill(shop, seller, 2, category_id=category["id"], start=1000 * next(rounds))

    found = pages(shop, go_on_publishing if sort == "newest" else lambda: None, sort=sort, limit=7, **narrow)
    ids = [item["id"] for item in found]
    assert len(ids) == len(set(ids)) == 40
    assert set(ids) == before
    amounts = [(Decimal(item["price"]["amount"]), item["id"]) for item in found]
    expected = {
        "newest": sorted(amounts, key=lambda pair: -pair[1]),
        "price": sorted(amounts),
        "-price": sorted(amounts, reverse=True),
    }
    assert amounts == expected[sort]


@pytest.mark.parametrize("sort", ["price", "-price"])
def test_what_appears_between_two_pages_of_a_price_order_takes_nothing_away(shop, seller, sort):
    fill(shop, seller, 30)
    before = {row.id for row in shop.market.query("SELECT id FROM listings")}
    rounds = iter(range(1, 10))
    found = pages(shop, lambda: (r := next(rounds, None)) and fill(shop, seller, 1, start=1000 * r), sort=sort, limit=4)
    ids = [item["id"] for item in found]
    assert len(ids) == len(set(ids))
    assert before <= set(ids)


def test_a_cursor_cannot_be_made_up_changed_or_carried_to_another_list(shop, seller):
    fill(shop, seller, 5)
    cursor = search(shop, limit=2)["next"]
    by_price = search(shop, limit=2, sort="price")["next"]
    products = shop.guest.get("/api/v1/products", params={"limit": 2}).json()["next"]
    swapped = ("A" if cursor[5] != "A" else "B").join((cursor[:5], cursor[6:]))
    for wrong in (swapped, cursor[:-4], cursor + "AAAA", "", "%%%", "e30", by_price, products, "\x00", "é"):
        answer = shop.guest.get("/api/v1/listings", params={"limit": 2, "cursor": wrong})
        assert answer.status_code == 422, wrong
        assert list(answer.json()["errors"]) == ["cursor"]
    other_currency = shop.guest.get("/api/v1/listings", params={"sort": "price", "currency": "USD", "cursor": by_price})
    assert other_currency.status_code == 422
    assert len(search(shop, limit=2, cursor=cursor)["items"]) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "1e2"}, "limit"),
        ({"limit": "9" * 30}, "limit"),
        ({"sort": "best"}, "sort"),
        ({"min_rating": "0"}, "min_rating"),
        ({"min_rating": "5.1"}, "min_rating"),
        ({"min_rating": "4.123"}, "min_rating"),
        ({"sort": "id; DROP TABLE users"}, "sort"),
        ({"q": ""}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"q": "tea\x00pot"}, "q"),
        ({"category": "Home Garden"}, "category"),
        ({"category": "'"}, "category"),
        ({"category": "-"}, "category"),
        ({"min_price": "abc"}, "min_price"),
        ({"min_price": "-1"}, "min_price"),
        ({"min_price": "NaN"}, "min_price"),
        ({"min_price": "1e5"}, "min_price"),
        ({"min_price": "10.005"}, "min_price"),
        ({"max_price": "1,000"}, "max_price"),
        ({"max_price": "9" * 17}, "max_price"),
        ({"max_price": "0.5", "currency": "JPY"}, "max_price"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "kes"}, "currency"),
        ({"seller_id": "0"}, "seller_id"),
        ({"seller_id": "1 OR 1=1"}, "seller_id"),
        ({"seller_id": str(10**19)}, "seller_id"),
        ({"in_stock": "yes"}, "in_stock"),
        ({"in_stock": "1"}, "in_stock"),
        ({"page": "2"}, "page"),
        ({"limit": ["1", "2"]}, "limit"),
    ],
)
def test_a_query_that_makes_no_sense_is_refused_by_name(shop, query, field):
    answer = shop.guest.get("/api/v1/listings", params=query)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


def test_a_query_that_is_no_utf_8_is_refused(shop):
    assert shop.guest.get("/api/v1/listings?q=%ff").status_code == 400


def test_a_page_of_search_is_one_statement(shop, seller, monkeypatch):
    """The list is the most frequent read of all: nothing may creep in per item."""
    from sqlalchemy import event

    from marketcore.db import session

    fill(shop, seller, 30, category_id=shop.category(shop.person("admin"), "Things")["id"])
    statements = []
    event.listen(
        shop.market.registry["engine"], "before_cursor_execute", lambda *call: statements.append(call[2]), named=False
    )
    together = session.execute_together

    def counted(connection, *wanted, **options):
        statements.extend(wanted)
        return together(connection, *wanted, **options)

    monkeypatch.setattr(session, "execute_together", counted)
    assert len(search(shop, q="thing", category="things", sort="price", in_stock="true", limit=10)["items"]) == 10
    assert len(statements) == 1


@pytest.mark.parametrize("few", [0, 20, 1000])
def test_B5_K4_a_price_range_of_a_category_is_found_alike_whether_few_or_many_cost_so_much(
    shop, seller, few, monkeypatch
):
    monkeypatch.setattr("marketcore.catalog.search.FEW_AT_PRICE", few)
    admin = shop.person("admin")
    above = shop.category(admin, "Above")["id"]
    below = shop.category(admin, "Below", above)["id"]
    beside = shop.category(admin, "Beside")["id"]
    for number, category in enumerate((above, below, beside, above, below, above)):
        fill(shop, seller, 15, category_id=category, start=100 * number)
    fill(shop, seller, 10, category_id=above, currency="UGX", start=1000)
    for category in (above, below):
        for low, high in ((2, 3), (1, 5), (5, 5), (6, 9)):
            for narrow in ({}, {"in_stock": "true"}, {"kind": "fixed_price"}, {"kind": "auction"}):
                query = {"category": category, "min_price": low, "max_price": high, "currency": "KES", **narrow}
                found = [int(item["id"]) for item in pages(shop, limit=4, **query)]
                assert found == expected(shop, {above, below} if category == above else {below}, low, high, narrow), (
                    query
                )


def expected(shop, categories, low, high, narrow):
    """Return the ids that a search has to find, newest first, from a plain look at the table."""
    rows = shop.market.query(
        """SELECT id, kind, quantity FROM listings
           WHERE state = 'active' AND category_id = ANY(:categories) AND currency = 'KES'
             AND price_minor BETWEEN :low AND :high ORDER BY id DESC""",
        categories=list(categories),
        low=low * 100,
        high=high * 100,
    )
    return [
        row.id
        for row in rows
        if narrow.get("kind", row.kind) == row.kind and ("in_stock" not in narrow or row.quantity)
    ]
