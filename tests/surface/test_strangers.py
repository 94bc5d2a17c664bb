"""What belongs to somebody else is not there: every route with an id, and every list, asked by strangers."""

from __future__ import annotations

import pytest

from .addresses import addresses
from .tables import contents
from .world import SHIP_TO, World, picture

STRANGERS = ("buyer", "seller", "both", "blocked")
MONEY = {"amount": "1.00", "currency": "KES"}
# Bodies that their routes accept, so that nothing but ownership can be the reason of a refusal.
BODIES = {
    "PATCH catalog.category": {"name": "Mine now"},
    "PATCH catalog.product": {"title": "Mine now"},
    "PUT catalog.product.images": {"order": []},
    "PATCH catalog.listing": {"price": MONEY},
    "PATCH addresses.province": {"name": "Mine now"},
    "POST addresses.cities": {"name": "Mine now"},
    "PATCH addresses.city": {"name": "Mine now"},
    "PATCH addresses.address": {"name": "Mine now"},
    "PUT services.service": {"name": "Mine now"},
    "PATCH services.service": {"name": "Mine now"},
    "PATCH services.approval": {"approved": False},
    "PUT services.images": {"order": []},
    "PUT services.variant": {"name": "Mine now", "price": MONEY},
    "PATCH services.variant": {"name": "Mine now"},
    "PUT orders.cart.item": {"quantity": 1},
    "PUT orders.checkout.ship_to": SHIP_TO,
    "POST violations.pardon": {"note": "mine now"},
    "POST orders.steps": {"to": "cancelled"},
    "POST refunds.order": {"reason": "mine now"},
    "PATCH reconciliation.difference": {"note": "mine now"},
    "POST refunds.retry": {"target": "by_hand"},
    "POST refunds.confirmation": {"receipt": "mine now"},
    "POST refunds.set_aside": {"action": "refund", "reason": "mine now"},
    "POST payouts.decision": {"approve": False, "reason": "mine now"},
    "POST users.user.block": {"reason": "mine now"},
    "POST two_factor.reset": {"reason": "mine now"},
    "POST social_login.start": {},
    "POST social_login.link.start": {},
    "POST payments_manual.confirmation": {"amount": MONEY, "receipt": "mine"},
    "POST payments_manual.rejection": {"reason": "mine now"},
    "POST wallet.recharge.refunds": {"reason": "mine now"},
    "POST escrow.applications": {"message": "mine now"},
    "POST escrow.acceptances": {"shares": [{"application_id": 1, "share": MONEY}]},
    "POST escrow.application.proofs": {"link": "https://social.example/1"},
    "POST escrow.application.refusal": {"reason": "mine now"},
    "POST escrow.application.rejection": {"reason": "mine now"},
    "POST escrow.application.dispute": {"reason": "mine now"},
    "POST escrow.application.decision": {"outcome": "release", "reason": "mine now"},
    "PATCH livestream.stream": {"title": "Mine now"},
    "POST livestream.items": {"product_id": 1},
    "PUT livestream.items.order": {"order": []},
    "PUT livestream.pin": {},
    "PUT livestream.item.flash_price": {"price": MONEY},
    "POST livestream.bans": {"user_id": 1},
    "POST livestream.moderators": {"user_id": 1},
    "POST livestream.sessions": {"price": MONEY},
    "POST livestream.sessions.next": {"price": MONEY},
    "POST livestream.purchase.refunds": {"reason": "mine now"},
    "PATCH webhooks.endpoint": {"enabled": False},
    "PATCH reviews.review": {"rating": 1},
    "PUT reviews.review.reply": {"reply": "mine now"},
    "PUT reviews.review.moderation": {"hidden": True, "reason": "mine now"},
    "POST reviews.order": dict.fromkeys(
        ("seller_rating", "platform_rating", "communication", "shipping", "accuracy"), 1
    ),
    "PUT reviews.feedback.reply": {"reply": "mine now"},
    "PUT reviews.feedback.moderation": {"hidden": True, "reason": "mine now"},
    "POST complaints.messages": {"body": "mine now"},
    "POST complaints.decision": {"outcome": "rejected", "reason": "mine now"},
    "POST messaging.messages": {"client_id": "00000000-0000-4000-8000-000000000001", "text": "mine now"},
    "PUT messaging.read": {"seq": 1},
    "PUT vendors.vendor": {"brand_name": "Mine now"},
    "PATCH vendors.vendor": {"brand_name": "Mine now"},
    "PUT vendors.verification": {"verified": True},
    "POST vendors.document.decision": {"approve": True},
    "POST webhooks.endpoint.replay": {"since": "2026-01-01T00:00:00Z", "state": "all"},
}
# Shown to everyone on purpose, or acting on one's own things: what a stranger may do with an id, and why.
OPEN = {
    "GET catalog.product": "products are shown to everyone",
    "GET catalog.listing": "listings are shown to everyone",
    "GET addresses.cities": "places are shown to everyone",
    "GET services.offer": "approved services are shown to every customer",
    "GET users.user": "public profiles hold a name and nothing else",
    "GET auctions.auction": "auctions are shown to everyone",
    "GET auctions.bids": "so are bids, under masked names and without their maxima",
    "GET auctions.log": "anybody may prove a closed auction",
    "POST auctions.bids": "anybody else may bid",
    "POST auctions.purchase": "anybody else may buy at once",
    "POST auctions.retraction": "takes back one's own bids, and there are none",
    "PUT auctions.watch": "notes what one watches oneself",
    "DELETE auctions.watch": "notes what one watches oneself",
    "GET escrow.advertisement": "advertisements are shown to everyone",
    "POST escrow.applications": "anybody else may apply",
    "GET livestream.stream": "streams are shown to everyone",
    "GET livestream.items": "so are the products in them",
    "GET livestream.messages": "and their chats",
    "GET livestream.viewers": "and how many watch",
    "GET livestream.sessions": "and what is sold by bids",
    "GET livestream.session": "as auctions are",
    "POST livestream.join": "anybody else may watch",
    "POST livestream.leave": "notes what one does oneself",
    "POST livestream.messages": "anybody else may speak",
    "POST livestream.video_token": "anybody else may watch; as a host nobody else",
    "PUT messaging.block": "says whom one wants to hear nothing of",
    "PUT orders.cart.item": "puts somebody's listing into one's own cart",
    "GET reviews.product": "reviews are shown to everyone",
    "GET reviews.product.rating": "so is what they come to",
    "POST reviews.product": "whoever has received a product may review it",
    "GET reviews.seller": "what buyers say of sellers is shown to everyone, without the orders it is about",
    "GET reviews.seller.rating": "so is what it comes to",
    "PUT wishlist.item": "puts somebody's product on one's own wishlist",
    "DELETE wishlist.item": "takes it off one's own wishlist",
    "POST wishlist.product": "does one or the other",
    "GET wishlist.product": "looks at one's own wishlist; how many others wish for it is the seller's",
    "GET vendors.seller": "what sellers say of themselves is shown to everyone",
    "GET media.variant": "pictures are public under names that cannot be guessed",
    "POST payments.hook": "providers call it and prove themselves otherwise",
    "POST payments.hook.token": "providers call it and prove themselves otherwise",
    "POST payments_mpesa.confirmation": "only its secret address exists, and what it says is looked up",
    "POST payments_mpesa.validation": "only its secret address exists",
    "GET razorpay.pay": "payers' pages are public under names that cannot be guessed",
    "POST razorpay.back": "payers' pages are public under names that cannot be guessed",
    "GET razorpay.cancelled": "payers' pages are public under names that cannot be guessed",
    "GET razorpay.status": "payers' pages are public under names that cannot be guessed",
    "POST social_login.start": "anybody may begin to log in elsewhere",
    "GET social_login.callback": "browsers that come back are nobody yet, and show a state that is good once",
    "GET __static/": "files of the documentation page",
    "GET __storefront/": "files of the storefront's pages",
    "GET storefront.auction": "auctions are shown to everyone",
}


@pytest.fixture(scope="module")
def world(people):
    return World(people)


def with_ids(people):
    return [address for address in addresses(people.market.registry) if address.parameters]


def send(people, address, path, role):
    upload = address.openapi and address.openapi.get("upload")
    if upload:
        return people.ask(address.method, path, people.token(role), files={"file": ("a.png", picture())})
    takes = address.openapi and "body" in address.openapi
    assert not takes or str(address) in BODIES, f"{address} takes a body: give BODIES one that it accepts"
    return people.ask(address.method, path, people.token(role), BODIES.get(str(address)))


def leaked(answer, world):
    """The secrets of ``world`` that the answer tells and the question did not."""
    return {secret for secret in world.secrets() if secret in answer.text and secret not in str(answer.request.url)}


def lacks(people, address, role):
    """Whether the role as such has no right to this, or has lost it by being blocked."""
    permission = people.market.registry["marketcore permissions declared"][address.permission]
    roles = {"both": {"buyer", "seller"}, "blocked": {"buyer", "seller"}}.get(role, {role}) | {"member", "anyone"}
    return not permission.to & roles or (role == "blocked" and permission.trade)


def test_every_id_of_a_path_has_a_foreign_object_to_ask_for(people, world):
    named = {name for address in with_ids(people) for name in address.parameters}
    assert named - set(world.ids()) == set(), "give World.ids an object for these path parameters"


@pytest.mark.parametrize("role", STRANGERS)
def test_strangers_find_nothing_and_change_nothing(people, world, role):
    people.known(role)
    before = contents(people.market)
    for address in with_ids(people):
        if str(address) not in OPEN:
            answer = send(people, address, address.path(world.ids()), role)
            assert answer.status_code == (403 if lacks(people, address, role) else 404), (str(address), answer.text)
            assert leaked(answer, world) == set(), str(address)
    assert contents(people.market) == before


def test_nobody_at_all_finds_nothing_and_changes_nothing(people, world):
    before = contents(people.market)
    for address in with_ids(people):
        if str(address) not in OPEN:
            assert send(people, address, address.path(world.ids()), "anonymous").status_code == 401, str(address)
    assert contents(people.market) == before


def test_the_buyer_of_an_order_is_a_stranger_to_its_ledger_and_the_seller_to_its_checkout_and_payment(people, world):
    ids = world.ids()
    for person, path in (
        (world.buyer, f"/api/v1/orders/{ids['order_id']}/ledger"),
        (world.seller, f"/api/v1/checkouts/{ids['checkout_id']}"),
        (world.seller, f"/api/v1/payments/{ids['payment_id']}"),
    ):
        assert people.ask("GET", path, person.access).status_code == 404, path


def test_a_foreign_image_is_not_reached_through_a_product_of_ones_own(people, world):
    other = World(people)
    before = contents(people.market)
    path = f"/api/v1/products/{other.product['id']}/images"
    removed = people.ask("DELETE", f"{path}/{world.image['id']}", other.seller.access)
    ordered = people.ask("PUT", path, other.seller.access, {"order": [world.image["id"]]})
    assert (removed.status_code, ordered.status_code) == (404, 422)
    assert contents(people.market) == before


def test_bodies_that_name_foreign_things_are_refused(people, world):
    ids, before = world.ids(), None
    fixed = {"price": MONEY}
    for role, path, body in (
        ("both", "/api/v1/listings", {"product_id": ids["product_id"], "fixed_price": fixed}),
        ("both", "/api/v1/payments", {"purpose": "checkout", "reference": str(ids["checkout_id"])}),
    ):
        people.known(role)
        before = before or contents(people.market)
        assert people.ask("POST", path, people.token(role), body).status_code == 404, path
    due = {"purpose": "checkout", "reference": str(ids["checkout_id"])}
    assert people.ask("GET", "/api/v1/payments/options", people.token("both"), params=due).status_code == 404
    assert contents(people.market) == before


@pytest.mark.parametrize("role", ["anonymous", *STRANGERS])
def test_no_answer_to_a_stranger_holds_foreign_secrets(people, world, role):
    asked = [address for address in addresses(people.market.registry) if address.method == "GET"]
    for address in asked:
        for query in ({}, *_queries(address)):
            answer = people.ask("GET", address.path(world.ids()), people.token(role), params=query)
            assert answer.status_code < 500, (str(address), query, answer.text)
            assert leaked(answer, world) == set(), (str(address), query)


def test_lists_of_ones_own_things_hold_none_of_anybody_elses(people, world):
    stranger = people.token("both")
    for path in (
        "/api/v1/cart",
        "/api/v1/orders",
        "/api/v1/orders?role=seller",
        "/api/v1/users/me/balances",
        "/api/v1/users/me/violations",
        "/api/v1/webhook-endpoints",
        "/api/v1/webhook-deliveries",
        "/api/v1/disputes",
        "/api/v1/invoices",
        "/api/v1/invoices?role=seller",
        "/api/v1/payouts",
        "/api/v1/payout-destinations",
        "/api/v1/balances",
        "/api/v1/users/me/auctions",
        "/api/v1/users/me/auctions?role=watching",
        "/api/v1/users/me/auctions?role=selling",
        "/api/v1/users/me/advertisements",
        "/api/v1/users/me/advertisement-applications",
        "/api/v1/conversations",
        "/api/v1/contacts",
        "/api/v1/blocks",
        "/api/v1/statuses",
        "/api/v1/statuses?of=mine",
        "/api/v1/addresses",
        "/api/v1/services",
        "/api/v1/service-variants",
        "/api/v1/service-orders",
        "/api/v1/service-orders?role=vendor",
    ):
        answer = people.ask("GET", path, stranger)
        assert answer.json()["items"] == [], path
    held = people.ask("GET", "/api/v1/balances", world.seller.access).json()["items"]
    assert [item["in_payout"] for item in held] == [MONEY]
    for person, path in ((world.buyer, "/api/v1/orders"), (world.seller, "/api/v1/orders?role=seller")):
        items = people.ask("GET", path, person.access).json()["items"]
        ordered = {world.order["id"], world.service_order["order"]["order_number"]}
        assert {item["id"] for item in items} == ordered, path


def _queries(address):
    """Every value of every choice that the route's query offers."""
    schema = (address.openapi or {}).get("query")
    for node in schema() if isinstance(schema, type) else schema or ():
        for value in getattr(node.validator, "choices", ()) or getattr(
            next(iter(getattr(node.validator, "validators", ())), None), "choices", ()
        ):
            yield {node.name: value}
