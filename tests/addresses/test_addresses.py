"""Address books: several addresses, exactly one default, in provinces and cities that are data, and where orders go."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from marketcore.addresses.importing import MOST_ROWS, read_places
from marketcore.addresses.places import Places
from marketcore.exceptions import Invalid
from marketcore.settings import section
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import ADDRESS, Shop, register

WHO = {"name": "Wanjiku Kamau", "line1": "Moi Avenue 1"}
KENYA = [("KE", "Nairobi", "Westlands"), ("KE", "Nairobi", "Karen"), ("KE", "Mombasa", "Nyali"), ("UG", "Kampala", "")]
ABROAD = {**WHO, "city": "Arusha", "country": "TZ"}


class Book:
    """One person's requests."""

    def __init__(self, market, role="buyer"):
        self.market = market
        user = register(market, role)
        self.id, self.http = user["user"]["id"], market.client(user["access"])

    def ask(self, method, path, body=None):
        return self.http.request(method, f"/api/v1{path}", **({} if body is None else {"json": body}))

    def done(self, method, path, body=None):
        answer = self.ask(method, path, body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def add(self, **fields):
        return self.done("POST", "/addresses", {**ABROAD, **fields})

    def defaults(self):
        """The ids of the addresses that are the default, by the database."""
        rows = self.market.query("SELECT id FROM addresses WHERE user_id = :id AND is_default", id=self.id)
        return [row.id for row in rows]

    def errors(self, method, path, body):
        answer = self.ask(method, path, body)
        assert answer.status_code == 422, answer.text
        return set(answer.json()["errors"])


@pytest.fixture
def book(market):
    return Book(market)


@pytest.fixture
def kenya(market):
    """Provinces and cities of Kenya; return the ids of the cities by name."""
    market.perform(lambda request: request.find_service(Places).load(KENYA))
    return {row.name: row.id for row in market.query("SELECT id, name FROM cities")}


def test_K1_somebody_keeps_several_addresses_of_which_exactly_one_is_the_default(book):
    home, office = book.add(label="Home"), book.add(label="Office")
    assert (home["default"], office["default"]) == (True, False)
    shed = book.add(label="Shed", default=True)
    assert book.defaults() == [shed["id"]]
    book.done("PATCH", f"/addresses/{office['id']}", {"default": True, "line2": "Floor 3"})
    assert book.defaults() == [office["id"]]
    assert book.errors("PATCH", f"/addresses/{office['id']}", {"default": False}) == {"default"}
    first = book.done("GET", "/addresses?limit=2")
    second = book.done("GET", f"/addresses?limit=2&cursor={first['next']}")
    assert [item["label"] for item in (*first["items"], *second["items"])] == ["Home", "Office", "Shed"]
    assert book.done("GET", f"/addresses/{office['id']}")["line2"] == "Floor 3"
    book.done("DELETE", f"/addresses/{office['id']}")
    assert book.defaults() == [shed["id"]]
    for address in (shed, home):
        book.done("DELETE", f"/addresses/{address['id']}")
    assert book.done("GET", "/addresses") == {"items": [], "next": None}


def test_K1_there_is_one_default_whatever_happens_at_once(book):
    at_once([lambda: book.ask("POST", "/addresses", {**ABROAD, "default": True})] * 4)
    ids = [item["id"] for item in book.done("GET", "/addresses")["items"]]
    assert (len(ids), len(book.defaults())) == (4, 1)
    wishes = [lambda key=key: book.ask("PATCH", f"/addresses/{key}", {"default": True}) for key in ids]
    removals = [lambda key=key: book.ask("DELETE", f"/addresses/{key}") for key in ids[:2]]
    at_once([*wishes, *removals])
    assert len(book.defaults()) == 1
    with pytest.raises(IntegrityError, match="uq_addresses_default"):
        book.market.query("UPDATE addresses SET is_default = true WHERE user_id = :id", id=book.id)


def test_K1_other_peoples_addresses_are_not_there(market, book):
    path, stranger = f"/addresses/{book.add()['id']}", Book(market)
    for method, body in (("GET", None), ("PATCH", {"name": "Me"}), ("DELETE", None)):
        assert stranger.ask(method, path, body).status_code == 404
    assert stranger.done("GET", "/addresses")["items"] == []
    with market.client() as nobody:
        assert nobody.get("/api/v1/addresses").status_code == 401
    assert book.done("GET", path)["name"] == WHO["name"]


def test_K1_an_address_book_has_bounds(book):
    assert book.errors("POST", "/addresses", {**ABROAD, "name": "x" * 101, "line1": " ", "country": "Kenya"}) == {
        "name",
        "line1",
        "country",
    }
    assert book.errors("POST", "/addresses", WHO) == {"city", "country"}
    assert book.errors("POST", "/addresses", {**ABROAD, "city_id": 1}) == {"city", "country"}
    assert book.errors("POST", "/addresses", {**WHO, "city_id": 4711}) == {"city_id"}
    assert book.errors("POST", "/addresses", {**ABROAD, "user_id": 1}) == {"user_id"}
    settings = section(book.market.registry, "addresses")
    usual, settings["max_per_user"] = settings["max_per_user"], 2
    try:
        answers = at_once([lambda: book.ask("POST", "/addresses", ABROAD)] * 4)
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    finally:
        settings["max_per_user"] = usual


def test_M3_an_address_lies_in_a_city_of_a_province_however_it_was_written(book, kenya):
    chosen = book.done("POST", "/addresses", {**WHO, "city_id": kenya["Westlands"]})
    written = book.done("POST", "/addresses", {**WHO, "country": "KE", "region": "nairobi ", "city": "WESTLANDS"})
    for address in (chosen, written):
        place = {name: address[name] for name in ("city_id", "city", "region", "country")}
        assert place == {"city_id": kenya["Westlands"], "city": "Westlands", "region": "Nairobi", "country": "KE"}
    assert book.errors("POST", "/addresses", {**WHO, "country": "KE", "city": "Westlands"}) == {"region"}
    wrong = {**WHO, "country": "KE", "region": "Mombasa", "city": "Karen"}
    assert book.errors("POST", "/addresses", wrong) == {"city"}
    moved = book.done("PATCH", f"/addresses/{written['id']}", {"city_id": kenya["Nyali"]})
    assert (moved["city"], moved["region"], moved["name"]) == ("Nyali", "Mombasa", WHO["name"])


def test_M3_where_no_city_of_a_country_is_known_the_place_stays_as_it_was_written(book, kenya):
    for country in ("TZ", "UG"):
        kept = book.add(country=country, region="Somewhere")
        assert (kept["city_id"], kept["province_id"]) == (None, None)
        assert (kept["city"], kept["region"], kept["country"]) == ("Arusha", "Somewhere", country)


def test_M3_admins_look_after_provinces_and_cities(market, book):
    admin = Book(market)
    market.query("UPDATE users SET roles = '{admin}' WHERE id = :id", id=admin.id)
    assert book.ask("POST", "/provinces", {"country": "KE", "name": "Kisumu"}).status_code == 403
    province = admin.done("POST", "/provinces", {"country": "KE", "name": "Kisumu"})
    assert admin.ask("POST", "/provinces", {"country": "KE", "name": "KISUMU"}).status_code == 409
    cities = f"/provinces/{province['id']}/cities"
    ahero, maseno = (admin.done("POST", cities, {"name": name}) for name in ("Maseno", "Ahero"))
    assert admin.ask("POST", cities, {"name": "ahero"}).status_code == 409
    with market.client() as nobody:
        first = nobody.get(f"/api/v1{cities}?limit=1").json()
        second = nobody.get(f"/api/v1{cities}?limit=1&cursor={first['next']}").json()
        assert [page["items"][0]["name"] for page in (first, second)] == ["Ahero", "Maseno"]
        assert nobody.get("/api/v1/provinces?country=KE").json()["items"] == [province]
        assert nobody.get("/api/v1/provinces/4711/cities").status_code == 404
    address = book.done("POST", "/addresses", {**WHO, "city_id": ahero["id"]})
    admin.done("PATCH", f"/provinces/{province['id']}", {"name": "Kisumu County"})
    admin.done("PATCH", f"/cities/{ahero['id']}", {"name": "Maseno Town"})
    shown = book.done("GET", f"/addresses/{address['id']}")
    assert (shown["city"], shown["region"]) == ("Maseno Town", "Kisumu County")
    for path in (f"/cities/{ahero['id']}", f"/provinces/{province['id']}"):
        assert admin.ask("DELETE", path).status_code == 409
    assert admin.ask("DELETE", f"/cities/{maseno['id']}").status_code == 204
    assert admin.ask("PATCH", f"/cities/{maseno['id']}", {"name": "Gone"}).status_code == 404


def test_M3_places_are_read_from_a_file_and_loaded_once(market):
    rows = read_places(
        ["country,province,city\n", "KE, Nairobi ,Karen\n", "\n", 'KE,"Trans Nzoia",\n', "KE,Nairobi,karen\n"]
    )
    assert rows == [("KE", "Nairobi", "Karen"), ("KE", "Trans Nzoia", ""), ("KE", "Nairobi", "karen")]
    for expected in ((2, 1), (0, 0)):
        assert market.perform(lambda request: request.find_service(Places).load(rows)) == expected


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["KE,Nairobi,Karen", "Kenya,Nairobi,Karen"], "line 2"),
        (["KE,,Karen"], "line 1"),
        (["KE,Nairobi,Karen,more"], "line 1"),
        ([f"KE,Nairobi,{'x' * 101}"], "at most 100"),
        ([], "names no place"),
        (["KE,Nairobi"] * (MOST_ROWS + 1), "at most 50000"),
    ],
)
def test_M3_a_file_that_names_no_places_is_refused_by_its_line(lines, why):
    with pytest.raises(Invalid, match=why):
        read_places(lines)


def test_K1_a_checkout_goes_to_an_address_by_its_id_and_the_order_keeps_a_copy(market, kenya):
    shop = Shop(market)
    buyer = Book.__new__(Book)
    buyer.market, buyer.id, buyer.http = market, shop.buyer_user["user"]["id"], shop.buyer
    karen = buyer.done("POST", "/addresses", {**WHO, "phone": "0712345678", "city_id": kenya["Karen"]})
    nyali = buyer.done("POST", "/addresses", {**WHO, "city_id": kenya["Nyali"]})
    copy = {**dict.fromkeys(("line2", "postal_code"), ""), **WHO, "phone": "0712345678"}
    copy |= {"city": "Karen", "region": "Nairobi", "country": "KE"}

    def check_out(body):
        buyer.done("POST", "/cart/items", {"listing_id": shop.listing["id"]})
        return buyer.done("POST", "/checkouts", body)

    assert check_out({})["ship_to"] == copy
    chosen = check_out({"ship_to": {"address_id": nyali["id"]}})
    assert chosen["ship_to"]["city"] == "Nyali"
    sent = f"/checkouts/{chosen['id']}/ship-to"
    assert buyer.done("PUT", sent, {"address_id": karen["id"]})["ship_to"] == copy
    assert check_out({"ship_to": ADDRESS})["ship_to"]["city"] == ADDRESS["city"]
    buyer.done("PATCH", f"/addresses/{karen['id']}", {"line1": "Elsewhere 2"})
    buyer.done("DELETE", f"/addresses/{karen['id']}")
    assert buyer.done("GET", f"/orders/{chosen['orders'][0]['id']}")["ship_to"] == copy
    foreign = Book(market).add()
    assert buyer.ask("PUT", sent, {"address_id": foreign["id"]}).status_code == 404
    assert buyer.errors("PUT", sent, {"address_id": nyali["id"], "city": "Nakuru"}) == {"city"}
    assert buyer.errors("PUT", sent, {"city": "Nakuru"}) == {"name", "line1"}
    assert buyer.errors("POST", "/checkouts", {"ship_to": {}}) == {"ship_to.name", "ship_to.line1", "ship_to.city"}
