"""Queries, cursors and ids of paths, hostile: never a fault, always told which parameter it is."""

from __future__ import annotations

import base64
import uuid
from itertools import count, islice
from urllib.parse import quote

import pytest

from marketcore.ledger.accounts import provider_clearing, wallet
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer
from marketcore.testing.shop import money_arrives
from marketcore.violations.services import ViolationService
from marketcore_auctions.services import AuctionService

from . import corpus
from .addresses import NOWHERE, addresses
from .tables import counts
from .world import ADDRESS, FEEDBACK, REVIEW, World, advertise, apply_for, bid, put_up

TEXTS = {
    "empty": "",
    "NUL": "%00",
    "invalid UTF-8": "%ff%fe",
    "encoded surrogate": "%ed%a0%80",
    "right-to-left": quote("\u202ea"),
    "byte order mark": quote("\ufeff"),
    "long": "x" * 20_000,
    "zero": "0",
    "minus": "-1",
    "two signs": "--5",
    "sign": "-",
    "2^63": str(2**63),
    "10^400": "1" + "0" * 400,
    "Arabic digits": quote("١٢"),
    "fraction": "1.5",
    "exponent": "1e3",
    "NaN": "NaN",
    "bracket": "%5B%5D",
    "like": "%25_%5C",
    "tsquery": quote("a & !b | (c:* <-> 'd"),
    "quotes": quote("\"'`;--"),
    "half a percent": "%",
    "letters": "no-such-value",
}


@pytest.fixture(scope="module")
def world(people):
    return World(people)


@pytest.fixture(scope="module")
def everyone(people):
    return people.new("buyer", "seller", "admin").access


@pytest.fixture(scope="module")
def operations(people):
    document = people.http.get("/api/openapi.json").json()
    return [(m.upper(), p, o) for p, ops in document["paths"].items() for m, o in ops.items()]


def required(operation):
    named = [p for p in operation["parameters"] if p["in"] == "query" and p["required"]]
    return {p["name"]: corpus.minimal(p["schema"], {}) for p in named}


def test_every_query_parameter_survives_the_corpus(people, world, everyone, operations):
    before, turns = counts(people.market), count()
    for method, path, operation in operations:
        rest = required(operation)
        for parameter in (p for p in operation["parameters"] if p["in"] == "query"):
            # Every second text for one parameter and the others for the next.
            for label, value in islice(TEXTS.items(), next(turns) % 2, None, 2):
                others = "".join(f"&{k}={v}" for k, v in rest.items() if k != parameter["name"])
                address = f"{path.format(**world.ids())}?{parameter['name']}={value}{others}"
                answer = people.ask(method, address, everyone)
                about = (operation["operationId"], parameter["name"], label, answer.status_code, answer.text[:300])
                assert answer.status_code < 500, about
                assert str(answer.status_code) in operation["responses"], about
                if answer.status_code == 422:
                    assert answer.json()["errors"], about
    assert counts(people.market) == before


def test_unknown_and_repeated_parameters_are_refused_by_name(people, world, everyone, operations):
    for method, path, operation in operations:
        if path.startswith(("/healthz", "/readyz")):
            continue
        body = {} if "application/json" in operation.get("requestBody", {}).get("content", {}) else None
        for query, name in (("is_admin=1", "is_admin"), ("limit=1&limit=2", "limit"), ("%00=1", "\x00"), ("=1", "")):
            answer = people.ask(method, f"{path.format(**world.ids())}?{query}", everyone, body)
            about = (operation["operationId"], query, answer.text)
            assert answer.status_code == 422, about
            assert name in answer.json()["errors"], about


def test_ids_that_cannot_be_are_not_found(people, world, everyone):
    numbered = [a for a in addresses(people.market.registry) if any("_id" in name for name in a.parameters)]
    assert len(numbered) > 15
    for address in numbered:
        for name in address.parameters:
            for value in corpus.PATHS:
                answer = people.ask(address.method, address.path({**world.ids(), name: value}), everyone)
                assert answer.status_code == 404, (str(address), value, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"


def test_addresses_that_are_no_text_are_not_found(people):
    for path in ("/%ff", "/api/v1/%c3%28", "/api/v1/orders/%ed%a0%80", "/static/%ff", "/static/..%2f..%2fetc/passwd"):
        answer = people.http.get(path)
        assert answer.status_code in (400, 404), (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", path
        assert answer.headers["X-Request-Id"]


def test_paths_that_are_not_numbers_survive_too(people, world):
    named = [a for a in addresses(people.market.registry) if set(a.parameters) & set(NOWHERE)]
    for address in named:
        for name in address.parameters:
            for value in (*corpus.PATHS, "%2e%2e", "x" * 5000):
                answer = people.ask(address.method, address.path({**world.ids(), name: value}))
                # A folder of static files only asks for its slash.
                moved = address.route.startswith("__") and answer.status_code == 301
                assert moved or answer.status_code in (404, 401), (str(address), value, answer.text)


# Lists that are empty, or not there at all, for everybody else here.
FOR_ADMINS = (
    "/api/v1/users",
    "/api/v1/disputes",
    "/api/v1/commission-rates",
    "/api/v1/reconciliation/differences",
    "/api/v1/payouts",
    "/api/v1/violations",
    "/api/v1/disputed-applications",
    "/api/v1/advertisements/{advertisement_id}/applications",
    "/api/v1/complaints/{complaint_id}/messages",
    "/api/v1/livestreams/{stream_id}/bans",
    "/api/v1/livestreams/{stream_id}/moderators",
    "/api/v1/vendors",
    "/api/v1/kyc-documents",
    "/api/v1/vendors/{vendor_id}/commission-rates",
    "/api/v1/vendors/{vendor_id}/sales/products",
)
# Asked for by the buyer of the world, whose it is.
FOR_MEMBERS = ("/api/v1/conversations/{conversation_id}/messages",)


def paged(operations):
    return [(p, o) for m, p, o in operations if m == "GET" and any(q["name"] == "cursor" for q in o["parameters"])]


@pytest.fixture(scope="module")
def cursors(people, world, operations):
    """One genuine cursor of every list, as the person who may page there."""
    people.again("both")
    admin, both = people.known("admin").access, people.known("both").access
    owner = people.known("both").id
    for _ in range(2):
        people.ask("POST", "/api/v1/cart/items", both, {"listing_id": world.listing["id"]})
        placed = people.ask("POST", "/api/v1/checkouts", both, {})
        assert placed.status_code == 201
        assert money_arrives(people.market, placed.json()["id"])
        given = {"order": placed.json()["orders"][0]["id"], "buyer": people.known("both").id}
        people.market.query(FEEDBACK, **given, seller=world.buyer.id)
        charge = (people.known("both").id, placed.json()["orders"][0]["id"], "unpaid")
        people.market.perform(lambda r, charge=charge: r.find_service(ViolationService).record(*charge))
    for n in range(2):
        product = people.ask("POST", "/api/v1/products", both, {"title": f"Sisal {n}"}).json()["id"]
        price = {"price": {"amount": f"{n + 1}.00", "currency": "KES"}}
        people.ask("POST", "/api/v1/listings", both, {"product_id": product, "fixed_price": price})
        people.ask("PUT", f"/api/v1/wishlist/{product}", both)
    people.market.query(REVIEW, product=world.product["id"], author=owner, order=world.order["id"])
    for about in ({"product_id": world.product["id"]}, {"user_id": world.seller.id}):
        grief = {"category": "other", "subject": "Torn", "body": "Here", **about}
        assert people.ask("POST", "/api/v1/complaints", both, grief).status_code == 201
    more = people.ask("POST", f"/api/v1/complaints/{world.complaint['id']}/messages", admin, {"body": "Where?"})
    assert more.status_code == 201
    for n in range(2):
        assert people.ask("POST", "/api/v1/addresses", both, ADDRESS).status_code == 201
        service = people.ask("POST", "/api/v1/services", both, {"name": f"Dyeing {n}"}).json()
        fields = {"service_id": service["id"], "name": "Blue", "price": {"amount": "70.00", "currency": "KES"}}
        assert people.ask("POST", "/api/v1/service-variants", both, fields).status_code == 201
        ordered = {"vendor_id": world.seller.id, "variant_id": world.variant["id"], "payer": {"phone": "0712345678"}}
        assert people.ask("POST", "/api/v1/service-orders", both, ordered).status_code == 201
    other = World(people)  # whose dispute, difference, auction, stream, service, profile and paper are the second ones
    advertise_twice(people, world, other)
    correspond(people, world, other)
    sell_another(people, world.seller, people.known("both"))
    rated = [{"category_id": here.category["id"], "seller_id": world.seller.id} for here in (world, other)]
    for named in ({"category_id": world.category["id"]}, {"seller_id": world.seller.id}, *rated):
        rate = people.ask("PUT", "/api/v1/commission-rates", admin, {**named, "basis_points": 150})
        assert rate.status_code == 200, rate.text
    for _ in range(2):
        gift = Transfer(uuid.uuid4(), provider_clearing("gift", "KES"), wallet(owner, "KES"), 100, "gift", "test", "1")
        people.market.perform(lambda r, g=gift: r.find_service(LedgerService).transfer([g], event_id=g.id))
        grant = {"seller_id": owner, "credits": 1, "note": "a gift"}
        assert people.ask("POST", "/api/v1/livestreams/credits/grants", admin, grant).status_code == 201
    hook = people.ask("POST", "/api/v1/webhook-endpoints", both, {"url": "https://93.184.215.14/hook"}).json()
    for _ in range(2):
        assert people.ask("POST", f"/api/v1/webhook-endpoints/{hook['id']}/test", both).status_code == 202
    for _ in range(2):
        bid(people, put_up(people), people.known("both"), "100.00")
    close(people.market, world.auction_id)
    found = {}
    for pattern, operation in paged(operations):
        path = pattern.format(**world.ids())
        token = admin if pattern in FOR_ADMINS else both
        people.again("both")
        token = people.known("both").access if token is not admin else admin
        token = world.buyer.access if pattern in FOR_MEMBERS else token
        found[path] = (token, people.ask("GET", f"{path}?limit=1", token).json()["next"], operation)
    assert all(cursor for _token, cursor, _operation in found.values()), found
    return found


def advertise_twice(people, world, other):
    """Let the one known person have two advertisements and two applications, and two shares be disputed."""
    known = people.known("both")
    for _ in range(2):
        advertise(people, known)
    for one in (world, other):
        apply_for(people, one.advertisement_id, known)
        path = f"/api/v1/advertisement-applications/{one.application['id']}/dispute"
        assert people.ask("POST", path, one.buyer.access, {"reason": "no answer"}).status_code == 200


def correspond(people, world, second):
    """Let ``both`` write to and know two people, who post statuses, and block two; the world's buyer writes again."""
    both, friends = people.known("both"), (world.buyer, second.buyer)
    for friend in friends:
        begun = people.ask("POST", "/api/v1/conversations", both.access, {"username": name_of(people, friend)}).json()
        for who in (both, friend):
            say(people, who, begun["id"])
        assert people.ask("POST", "/api/v1/statuses", friend.access, {"text": "Come and see"}).status_code == 201
    for blocked in (world.seller, second.seller):
        assert people.ask("PUT", f"/api/v1/blocks/{blocked.id}", both.access).status_code == 204
    say(people, world.buyer, world.conversation["id"])


def say(people, who, conversation_id):
    body = {"client_id": str(uuid.uuid4()), "text": "Greetings"}
    answer = people.ask("POST", f"/api/v1/conversations/{conversation_id}/messages", who.access, body)
    assert answer.status_code == 201, answer.text


def name_of(people, person):
    return people.ask("GET", f"/api/v1/users/{person.id}").json()["username"]


def sell_another(people, seller, buyer):
    """Let ``seller`` sell a second product."""
    product = people.ask("POST", "/api/v1/products", seller.access, {"title": "Sisal mat"}).json()["id"]
    offer = {"product_id": product, "fixed_price": {"price": {"amount": "1.00", "currency": "KES"}}}
    listing = people.ask("POST", "/api/v1/listings", seller.access, offer).json()["id"]
    people.ask("POST", "/api/v1/cart/items", buyer.access, {"listing_id": listing})
    placed = people.ask("POST", "/api/v1/checkouts", buyer.access, {})
    assert money_arrives(people.market, placed.json()["id"]), placed.text


def close(market, auction_id):
    """Let an auction end now, so that its log is open to everybody."""
    market.query("UPDATE auctions_standings SET ends_at = market_clock() WHERE listing_id = :id", id=auction_id)
    assert market.perform(lambda request: request.find_service(AuctionService).close(auction_id))


def refused(answer):
    return answer.status_code == 422 and set(answer.json()["errors"]) == {"cursor"}


def test_a_genuine_cursor_goes_on_where_the_page_ended(people, cursors):
    for path, (token, cursor, _operation) in cursors.items():
        first = people.ask("GET", f"{path}?limit=1", token).json()["items"]
        second = people.ask("GET", f"{path}?limit=1&cursor={cursor}", token)
        assert second.status_code == 200, (path, second.text)
        assert second.json()["items"] != first, path


def test_a_cursor_with_one_bit_changed_is_refused(people, cursors):
    for place, (path, (token, cursor, _operation)) in enumerate(cursors.items()):
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        # Every bit of one cursor; of the others, which are read by the same code, one bit of each byte.
        for bit in range(0, len(raw) * 8, 1 if place == 0 else 8):
            bit += bit // 8 % 8 if place else 0
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            forged = base64.urlsafe_b64encode(bytes(changed)).decode().rstrip("=")
            assert refused(people.ask("GET", f"{path}?cursor={forged}", token)), (path, bit)
        for forged in (cursor[:-4], cursor + "AAAA", cursor * 2, "AAAA", "====", "é", raw.hex()):
            assert refused(people.ask("GET", f"{path}?cursor={forged}", token)), (path, forged)


def test_the_cursor_of_another_list_is_refused(people, cursors):
    for place, (path, (token, _cursor, _operation)) in enumerate(cursors.items()):
        # A quarter of all pairs, in turn.
        for other, (_token, cursor, _) in list(cursors.items())[place % 4 :: 4]:
            if other != path:
                assert refused(people.ask("GET", f"{path}?cursor={cursor}", token)), (path, other)


def test_the_cursor_of_another_order_or_filter_of_the_same_list_is_refused(people, world, cursors):
    token, cursor, _operation = cursors["/api/v1/orders"]
    assert refused(people.ask("GET", f"/api/v1/orders?role=seller&cursor={cursor}", token))
    token, cursor, _operation = cursors["/api/v1/listings"]
    assert refused(people.ask("GET", f"/api/v1/listings?sort=price&cursor={cursor}", token))
    messages = FOR_MEMBERS[0].format(**world.ids())
    token, cursor, _operation = cursors[messages]
    assert refused(people.ask("GET", f"{messages}?order=oldest&cursor={cursor}", token))


def test_the_cursor_of_another_person_is_refused_where_lists_are_personal(people, world, cursors):
    for path in (
        "/api/v1/orders",
        "/api/v1/users/me/sessions",
        "/api/v1/webhook-deliveries",
        "/api/v1/payouts",
        "/api/v1/conversations",
        "/api/v1/contacts",
        "/api/v1/statuses",
    ):
        _token, cursor, _operation = cursors[path]
        assert refused(people.ask("GET", f"{path}?cursor={cursor}", world.buyer.access)), path
