"""Somebody's whole world: account, session, product, listing, cart, order, payment, invoice, and a deal gone wrong."""

from __future__ import annotations

import io
import uuid
from typing import Any
from uuid import UUID

from PIL import Image
from sqlalchemy import text

from marketcore.disputes.services import DisputeService
from marketcore.interfaces import DisputeReport
from marketcore.jobs.enqueueing import find_job
from marketcore.ledger.accounts import provider_clearing
from marketcore.money import Money
from marketcore.testing.shop import money_arrives
from marketcore.violations.services import ViolationService
from marketcore_escrow.services import AdvertisementService

from .addresses import NOWHERE
from .people import People, Person

SHIP_TO = {"name": "Achieng Otieno", "line1": "Oginga Odinga Street 4", "city": "Kisumu", "country": "KE"}
# What a bidder would pay at most and a seller wants at least, in figures that stand nowhere else.
MAXIMUM, RESERVE = "60607.07", "80809.09"
# What a bidder would pay at most and a seller wants at least, in figures that stand nowhere else.
MAXIMUM, RESERVE = "60607.07", "80809.09"
PRICE = {"amount": "100.00", "currency": "KES"}
ADDRESS = {"name": "Achieng Otieno", "line1": "Jomo Kenyatta Highway 44021", "city": "Kisumu", "country": "KE"}
_DESTINATION = """
    INSERT INTO payout_destinations (id, user_id, provider, label, details, state)
    VALUES (:id, :user, 'nobody', 'Savings', '{"account": "0011"}', 'active')
"""
_PAYOUT = """
    INSERT INTO payouts (id, code, user_id, destination_id, provider, source, currency, amount_minor, state)
    VALUES (gen_random_uuid(), :code, :user, :id, 'nobody', 'earnings', 'KES', 100, 'requested')
"""
# Two who moderate a stream and two who are banned from it.
_GUESTS = """
    WITH people AS (
        INSERT INTO users (email, username, password_hash, roles)
        SELECT :tag || n || '@example.test', left(:tag, 20) || n, 'x', ARRAY['buyer'] FROM generate_series(1, 4) n
        RETURNING id)
    INSERT INTO livestream_guests (stream_id, user_id, moderator, banned_at)
    SELECT :stream, id, id % 2 = 0, CASE WHEN id % 2 = 1 THEN market_clock() END FROM people
"""


def picture() -> bytes:
    """Return a small PNG."""
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(stream, "PNG")
    return stream.getvalue()


def put_up(people: People, **terms: Any) -> int:
    """Let somebody put something up for auction, from 100.00 for an hour; return the auction's id."""
    seller = people.new("seller").access
    product = people.ask("POST", "/api/v1/products", seller, {"title": f"Drum {uuid.uuid4().hex}"}).json()
    auction = {"price": {"amount": "100.00", "currency": "KES"}, "duration_minutes": 60, **terms}
    listing = people.ask("POST", "/api/v1/listings", seller, {"product_id": product["id"], "auction": auction})
    assert listing.status_code == 201, listing.text
    auction_id: int = listing.json()["id"]
    return auction_id


def bid(people: People, auction_id: int, who: Person, amount: str) -> None:
    """Let somebody bid."""
    maximum = {"maximum": {"amount": amount, "currency": "KES"}}
    answer = people.ask("POST", f"/api/v1/auctions/{auction_id}/bids", who.access, maximum)
    assert answer.status_code == 201, answer.text


def advertise(people: People, owner: Person) -> int:
    """Let somebody advertise with a budget of 100.00, which has been paid; return the advertisement's id."""
    body = {"title": f"Post {uuid.uuid4().hex}", "description": "A post a day", "days": 7}
    body["budget"] = {"amount": "100.00", "currency": "KES"}
    written = people.ask("POST", "/api/v1/advertisements", owner.access, body)
    assert written.status_code == 201, written.text
    advertisement_id: int = written.json()["id"]

    def fund(request: Any) -> None:
        payment_id = request.db.execute(text(_BUDGET), {"id": advertisement_id}).scalar_one()
        clearing = provider_clearing("cash", "KES")
        assert request.find_service(AdvertisementService).fund(advertisement_id, payment_id, clearing)

    people.market.perform(fund)
    return advertisement_id


def apply_for(people: People, advertisement_id: int, who: Person) -> dict[str, Any]:
    """Let somebody apply for an advertisement; return the application."""
    path, body = f"/api/v1/advertisements/{advertisement_id}/applications", {"message": f"Me, {uuid.uuid4().hex}"}
    applied = people.ask("POST", path, who.access, body)
    assert applied.status_code == 201, applied.text
    application: dict[str, Any] = applied.json()
    return application


def accept(people: People, application: dict[str, Any], owner: Person) -> None:
    """Let the owner of an advertisement accept an application for it, with a share of 60.00."""
    shares = [{"application_id": application["id"], "share": {"amount": "60.00", "currency": "KES"}}]
    path = f"/api/v1/advertisements/{application['advertisement_id']}/acceptances"
    accepted = people.ask("POST", path, owner.access, {"shares": shares})
    assert accepted.status_code == 200, accepted.text


_BUDGET = """INSERT INTO payments (code, user_id, purpose, reference, provider, currency, amount_minor, received_minor,
                                   state, expires_at)
             SELECT substr(md5(random()::text), 1, 12), owner_id, 'advertisement', id::text, 'cash', currency,
                    budget_minor, budget_minor, 'captured', market_clock() + interval '1 day'
             FROM escrow_advertisements WHERE id = :id RETURNING id"""
# Opinions about an order that is on its way, which nobody could give, with what they come to.
REVIEW = """WITH counted AS (
                UPDATE products SET ratings_count = ratings_count + 1, ratings_total = ratings_total + 4
                WHERE id = :product)
            INSERT INTO reviews_reviews (product_id, author_id, order_id, rating, title)
            VALUES (:product, :author, :order, 4, 'Fine') RETURNING id"""
FEEDBACK = """WITH counted AS (
                  INSERT INTO reviews_sellers AS s (seller_id, ratings_count, seller_total, communication_total,
                                                    shipping_total, accuracy_total)
                  VALUES (:seller, 1, 4, 4, 4, 4)
                  ON CONFLICT (seller_id) DO UPDATE SET
                    ratings_count = s.ratings_count + 1, seller_total = s.seller_total + 4,
                    communication_total = s.communication_total + 4, shipping_total = s.shipping_total + 4,
                    accuracy_total = s.accuracy_total + 4)
              INSERT INTO reviews_feedback (order_id, buyer_id, seller_id, seller_rating, platform_rating,
                                            communication, shipping, accuracy)
              VALUES (:order, :buyer, :seller, 4, 4, 4, 4, 4) RETURNING id"""
DIFFERENCE = """INSERT INTO reconciliation_differences (provider, kind, what, currency, there_minor)
                VALUES ('cash', 'only_there', :what, 'KES', 500) RETURNING id"""


def print_invoice(request: Any, invoice_id: int) -> None:
    """Do what the job does that makes the invoice's PDF."""
    find_job(request.registry, "invoices.make_pdf").run(request, document_id=invoice_id)


class World:
    """A seller who offers something, and a buyer who has ordered, begun to pay for it and paid otherwise."""

    def __init__(self, people: People) -> None:
        self._people = people
        self.seller, self.buyer = people.new("seller"), people.new("buyer")
        self.category = self._made("POST", "/api/v1/categories", people.known("admin"), {"name": uuid.uuid4().hex})
        self.product = self._made("POST", "/api/v1/products", self.seller, {"title": f"Kikoi {uuid.uuid4().hex}"})
        self.province_id, self.city_id = self._places()
        self.image = self._upload(f"/api/v1/products/{self.product['id']}/images", self.seller)
        self._upload("/api/v1/users/me/picture", self.buyer)
        offer = {"price": {"amount": "750.00", "currency": "KES"}, "quantity": 9}
        self.listing = self._made(
            "POST", "/api/v1/listings", self.seller, {"product_id": self.product["id"], "fixed_price": offer}
        )
        self._made("POST", "/api/v1/cart/items", self.buyer, {"listing_id": self.listing["id"]})
        self.checkout = self._made("POST", "/api/v1/checkouts", self.buyer, {"ship_to": SHIP_TO})
        self.order = self.checkout["orders"][0]
        self._made("POST", "/api/v1/cart/items", self.buyer, {"listing_id": self.listing["id"]})
        self.payment = self._made(
            "POST",
            "/api/v1/payments",
            self.buyer,
            {"purpose": "checkout", "reference": str(self.checkout["id"]), "payer": {"phone": "0712345678"}},
        )
        assert money_arrives(people.market, self.checkout["id"])
        self.invoice = self._made("GET", f"/api/v1/orders/{self.order['id']}/invoice", self.buyer)
        people.market.perform(print_invoice, self.invoice["id"])
        amount = {"amount": {"amount": "20.00", "currency": "KES"}}
        self.recharge = self._made("POST", "/api/v1/wallet/recharges", self.buyer, amount)
        self.notification = self._made("GET", "/api/v1/users/me/notifications", self.buyer)["items"][0]
        self.session = self._made("GET", "/api/v1/users/me/sessions", self.buyer)["items"][0]
        self.refund, self.dispute_id = self._regret()
        self._speak_up()
        self.violation = self._break_word()
        ((self.difference_id,),) = people.market.query(DIFFERENCE, what=f"payment:{uuid.uuid4()}")
        self.destination_id, self.payout = self._pay_out()
        self.auction_id = put_up(people, reserve={"amount": RESERVE, "currency": "KES"})
        for amount in ("150.00", MAXIMUM):
            bid(people, self.auction_id, people.new("buyer"), amount)
        self.advertisement_id = advertise(people, self.seller)
        self.application = apply_for(people, self.advertisement_id, self.buyer)
        accept(people, self.application, self.seller)
        proofs = f"/api/v1/advertisement-applications/{self.application['id']}/proof-images"
        self.proof = self._upload(proofs, self.buyer)["proofs"][0]
        self.stream_id, self.item_id, self.chat_message_id = self._go_live()
        self.bidding_session_id, self.purchase = self._sell_live()
        self.address = self._made("POST", "/api/v1/addresses", self.buyer, ADDRESS)
        self.service, self.variant = self._serve()
        ordered = {"vendor_id": self.seller.id, "variant_id": self.variant["id"], "payer": {"phone": "0712345678"}}
        self.service_order = self._made("POST", "/api/v1/service-orders", self.buyer, ordered)
        hook = {"url": "https://93.184.215.14/hook", "description": f"Stock {uuid.uuid4().hex}"}
        self.endpoint = self._made("POST", "/api/v1/webhook-endpoints", self.seller, hook)
        self.delivery = self._made("POST", f"/api/v1/webhook-endpoints/{self.endpoint['id']}/test", self.seller)
        self.conversation, self.message, self.attachment = self._write()
        self.status = self._made("POST", "/api/v1/statuses", self.buyer, {"text": f"Selling out {uuid.uuid4().hex}"})
        profile = {"brand_name": "Kikoi House", "business_name": f"Works {uuid.uuid4().hex}"}
        self.vendor = self._made("POST", "/api/v1/vendors", self.seller, profile)
        self.paper = self._upload("/api/v1/kyc-documents?kind=identity", self.seller)

    def _places(self) -> tuple[int, int]:
        """Let an admin add a province with two cities, in which no address lies; return its id and one of theirs."""
        admin, name = self._people.known("admin"), uuid.uuid4().hex
        province = self._made("POST", "/api/v1/provinces", admin, {"country": "ZM", "name": name})
        path = f"/api/v1/provinces/{province['id']}/cities"
        city, _other = (self._made("POST", path, admin, {"name": f"{place} of {name}"}) for place in ("Port", "Hill"))
        return province["id"], city["id"]

    def _serve(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Let the seller offer a service that an admin approves, and return it with its variant."""
        service = self._made("POST", "/api/v1/services", self.seller, {"name": f"Mending {uuid.uuid4().hex}"})
        fields = {"service_id": service["id"], "name": "Small", "price": {"amount": "90.00", "currency": "KES"}}
        variant = self._made("POST", "/api/v1/service-variants", self.seller, fields)
        approval = f"/api/v1/services/{service['id']}/approval"
        self._made("PATCH", approval, self._people.known("admin"), {"approved": True})
        return service, variant

    def _speak_up(self) -> None:
        """Let the buyer review, rate and complain about what was ordered."""
        query, order_id = self._people.market.query, self.order["id"]
        opinion = {"product": self.product["id"], "author": self.buyer.id}
        ((self.review_id,),) = query(REVIEW, **opinion, order=order_id)
        ((self.feedback_id,),) = query(FEEDBACK, order=order_id, buyer=self.buyer.id, seller=self.seller.id)
        grief = {"category": "other", "subject": f"Torn {uuid.uuid4().hex}", "body": f"Here {uuid.uuid4().hex}"}
        self.grief = {"order_id": order_id, **grief}
        self.complaint = self._made("POST", "/api/v1/complaints", self.buyer, self.grief)

    def _regret(self) -> tuple[dict[str, Any], str]:
        """Let others deal, refund a part and contest the rest, and return the refund and the dispute's id."""
        seller, buyer = self._people.new("seller"), self._people.new("buyer")
        product = self._made("POST", "/api/v1/products", seller, {"title": f"Kanga {uuid.uuid4().hex}"})
        offer = {"price": {"amount": "90.00", "currency": "KES"}, "quantity": 1}
        body = {"product_id": product["id"], "fixed_price": offer}
        listing = self._made("POST", "/api/v1/listings", seller, body)
        self._made("POST", "/api/v1/cart/items", buyer, {"listing_id": listing["id"]})
        checkout = self._made("POST", "/api/v1/checkouts", buyer, {"ship_to": SHIP_TO})
        assert money_arrives(self._people.market, checkout["id"])
        amount = {"amount": "1.00", "currency": "KES"}
        path = f"/api/v1/orders/{checkout['orders'][0]['id']}/refunds"
        refund = self._made("POST", path, seller, {"amount": amount, "reason": "torn"})
        report = DisputeReport(uuid.uuid4().hex, "open", Money(800, "KES"), UUID(refund["payment_id"]))
        contest = self._people.market.perform
        return refund, str(contest(lambda request: request.find_service(DisputeService).apply("cash", report)))

    def _break_word(self) -> dict[str, Any]:
        """Charge the buyer with their order, and return the violation."""
        charge = (self.buyer.id, self.order["id"], "unpaid")
        assert self._people.market.perform(lambda request: request.find_service(ViolationService).record(*charge))
        return self._made("GET", "/api/v1/users/me/violations", self.buyer)["items"][0]

    def _go_live(self) -> tuple[int, int, int]:
        """Let the seller show the product in a live stream; return the ids of the stream, its item and a message."""
        stream = self._made("POST", "/api/v1/livestreams", self.seller, {"title": "Kikois"})
        path = f"/api/v1/livestreams/{stream['id']}"
        (item,) = self._made("POST", f"{path}/items", self.seller, {"product_id": self.product["id"]})["items"]
        grant = {"seller_id": self.seller.id, "credits": 3, "note": "a gift"}
        self._made("POST", "/api/v1/livestreams/credits/grants", self._people.known("admin"), grant)
        self._made("POST", f"{path}/start", self.seller)
        self._people.market.query(_GUESTS, stream=stream["id"], tag=uuid.uuid4().hex)
        said = [self._made("POST", f"{path}/messages", self.seller, {"body": word}) for word in ("Karibu", "Welcome")]
        return stream["id"], item["id"], said[0]["id"]

    def _sell_live(self) -> tuple[int, dict[str, Any]]:
        """Let the seller hold two bidding sessions, one of them open, and begin to buy credits."""
        path, session = f"/api/v1/livestreams/{self.stream_id}", {"id": 0}
        for _ in range(2):
            product = self._made("POST", "/api/v1/products", self.seller, {"title": f"Drum {uuid.uuid4().hex}"})
            self._made("POST", f"{path}/items", self.seller, {"product_id": product["id"]})
            session = self._made("POST", f"{path}/sessions/next", self.seller, {"price": PRICE})
        return session["id"], self._made("POST", "/api/v1/livestreams/credits/purchases", self.seller, {"credits": 3})

    def _write(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Let the buyer write to the seller about the order, with a picture; return room, message and picture."""
        room = self._made("POST", f"/api/v1/orders/{self.order['id']}/conversation", self.buyer)
        picture = self._upload(f"/api/v1/conversations/{room['id']}/attachments", self.buyer)
        body = {"client_id": str(uuid.uuid4()), "text": f"In blue {uuid.uuid4().hex}", "attachments": [picture["id"]]}
        return room, self._made("POST", f"/api/v1/conversations/{room['id']}/messages", self.buyer, body), picture

    def _pay_out(self) -> tuple[str, dict[str, Any]]:
        """Let the seller ask for money at a destination; nobody pays out to where these people are."""
        row = {"id": str(uuid.uuid4()), "user": self.seller.id, "code": uuid.uuid4().hex[:10]}
        self._people.market.query(_DESTINATION, id=row["id"], user=row["user"])
        self._people.market.query(_PAYOUT, **row)
        return row["id"], self._made("GET", "/api/v1/payouts", self.seller)["items"][0]

    def _made(self, method: str, path: str, who: Person, body: Any = None) -> dict[str, Any]:
        answer = self._people.ask(method, path, who.access, body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        document: dict[str, Any] = answer.json()
        return document

    def _upload(self, path: str, who: Person) -> dict[str, Any]:
        answer = self._people.ask("POST", path, who.access, files={"file": ("a.png", picture(), "image/png")})
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def ids(self) -> dict[str, Any]:
        """Return what of this world each path parameter can name."""
        return {
            "category_id": self.category["id"],
            "product_id": self.product["id"],
            "auction_id": self.auction_id,
            "advertisement_id": self.advertisement_id,
            "application_id": self.application["id"],
            "proof_id": self.proof["id"],
            "stream_id": self.stream_id,
            "item_id": self.item_id,
            "bidding_session_id": self.bidding_session_id,
            "purchase_id": self.purchase["id"],
            "chat_message_id": self.chat_message_id,
            "media_id": self.image["id"],
            "listing_id": self.listing["id"],
            "checkout_id": self.checkout["id"],
            "order_id": self.order["id"],
            "payment_id": self.payment["id"],
            "notification_id": self.notification["id"],
            "session_id": self.session["id"],
            "refund_id": self.refund["id"],
            "dispute_id": self.dispute_id,
            "destination_id": self.destination_id,
            "payout_id": self.payout["id"],
            "violation_id": self.violation["id"],
            "difference_id": self.difference_id,
            "invoice_id": self.invoice["id"],
            "recharge_id": self.recharge["id"],
            "user_id": self.buyer.id,
            "endpoint_id": self.endpoint["id"],
            "delivery_id": self.delivery["id"],
            "review_id": self.review_id,
            "feedback_id": self.feedback_id,
            "complaint_id": self.complaint["id"],
            "conversation_id": self.conversation["id"],
            "message_id": self.message["id"],
            "attachment_id": self.attachment["id"],
            "status_id": self.status["id"],
            "vendor_id": self.vendor["id"],
            "document_id": self.paper["id"],
            "address_id": self.address["id"],
            "province_id": self.province_id,
            "city_id": self.city_id,
            "service_id": self.service["id"],
            "variant_id": self.variant["id"],
            "service_order_id": self.service_order["order_id"],
            **NOWHERE,
        }

    def secrets(self) -> set[str]:
        """Return texts that only the people of this world and admins may ever read."""
        return {
            self.seller.email,
            self.buyer.email,
            self.order["reference"],
            self.address["line1"],
            self.service_order["order_id"],
            self.payment["id"],
            self.payment["code"],
            MAXIMUM,
            RESERVE,
            MAXIMUM,
            RESERVE,
            self.application["message"],
            self.session["id"],
            self.refund["id"],
            self.dispute_id,
            self.destination_id,
            self.payout["id"],
            self.payout["code"],
            self.endpoint["secret"],
            self.endpoint["description"],
            self.delivery["message_id"],
            self.invoice["number"],
            self.recharge["id"],
            self.purchase["id"],
            self.grief["subject"],
            self.grief["body"],
            self.message["text"],
            self.message["client_id"],
            self.status["text"],
            self.vendor["business_name"],
        }
