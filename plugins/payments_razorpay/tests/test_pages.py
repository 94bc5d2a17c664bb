"""The payer's pages: to the hosted checkout and back, in a browser that runs no scripts, and with hostile returns."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from html.parser import HTMLParser

import pytest

from marketcore.testing.contracts import settle
from marketcore.testing.shop import Shop
from marketcore_payments_razorpay.signatures import sign
from marketcore_simulator.razorpay.credentials import KEY_ID, KEY_SECRET, WEBHOOK_SECRET
from marketcore_simulator.testing import eventually

from .shopping import SETTINGS


class Form(HTMLParser):
    """The one form of a page: where it goes and what it takes there, its first button included."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.buttons = None, {}, 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.action = given["action"]
        if tag == "button":
            self.buttons += 1
        if tag in ("input", "button") and given.get("name") and given["name"] not in self.fields:
            self.fields[given["name"]] = given.get("value", "")


@pytest.fixture
def market(make_market, simulator):
    return make_market("payments_razorpay", **SETTINGS, payments_razorpay__base_url=simulator.razorpay_url)


@pytest.fixture
def shop(market):
    return Shop(market, currency="INR")


@pytest.fixture
def payment(shop):
    return shop.pay({})


@pytest.fixture
def page(payment):
    return payment["next_action"]["data"]["url"]


@pytest.fixture
def browser(market):
    return market.client(follow_redirects=True)


def order_of(face, payment):
    return next(order for order in face.merchant.orders.book.all() if order.receipt == payment["code"])


def state(shop, payment):
    return shop.read_payment(payment)["state"]


def brought(face, payment, **how):
    """Pay as the payer would; return what the browser then brings back."""
    return face.control(f"razorpay/orders/{order_of(face, payment).id}/pay", **how)["callback"]


def recorded(market):
    return market.query("SELECT state, source FROM payment_history ORDER BY id")


def test_a_payer_without_scripts_pays_by_buttons_alone_and_needs_no_webhook(shop, payment, page, browser, face):
    to_checkout = Form(browser.get(page).text)
    assert to_checkout.buttons == 1
    checkout = Form(browser.post(to_checkout.action, data=to_checkout.fields).text)
    address = f"{to_checkout.action.partition('/razorpay/')[0]}{checkout.action}"
    back = Form(browser.post(address, data=checkout.fields).text)
    assert back.action == f"{page}/back"
    last = browser.post(back.action, data=back.fields)
    assert last.status_code == 200
    assert str(last.url) == f"{page}/status"
    assert "your payment has arrived" in last.text
    shop.assert_paid_once()
    assert browser.post(back.action, data=back.fields).status_code == 200
    shop.assert_paid_once()


def test_the_page_leads_to_the_checkout_and_nowhere_else(payment, page, browser, face, simulator):
    answer = browser.get(page)
    form = Form(answer.text)
    assert form.action == f"{simulator.razorpay_url}/v1/checkout/embedded"
    assert form.fields == {
        "key_id": KEY_ID,
        "order_id": order_of(face, payment).id,
        "amount": "50000",
        "currency": "INR",
        "name": "Kiondo & Sons",
        "description": payment["code"],
        "callback_url": f"{page}/back",
        "cancel_url": f"{page}/cancelled",
    }
    for secret in (KEY_SECRET, WEBHOOK_SECRET, "old-secret"):
        assert secret not in answer.text
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cache-Control"] == "no-store"


def directives(answer):
    policy = answer.headers["Content-Security-Policy"]
    return {name: values for name, *values in (part.split() for part in policy.split(";"))}


def digest(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_the_pages_own_script_and_style_and_its_forms_target(page, browser, simulator):
    answer = browser.get(page)
    allowed = directives(answer)
    assert allowed["default-src"] == ["'none'"]
    assert allowed["script-src"] == [digest(re.search("<script>(.*)</script>", answer.text, re.DOTALL)[1])]
    assert allowed["style-src"] == [digest(re.search("<style>(.*)</style>", answer.text, re.DOTALL)[1])]
    assert allowed["form-action"] == [simulator.url, "https://*.razorpay.com"]
    assert allowed["frame-ancestors"] == allowed["base-uri"] == ["'none'"]
    assert not re.search(r"\son\w+=|style=", answer.text)
    status = browser.get(f"{page}/status")
    assert directives(status)["script-src"] == directives(status)["form-action"] == ["'none'"]
    assert directives(status)["style-src"] == allowed["style-src"]


@pytest.mark.parametrize("script", ["tampered_signature", "tampered_order"])
def test_a_tampered_return_is_refused_and_changes_nothing(market, shop, payment, page, browser, face, script):
    face.choose("pay", script)
    before, asked = recorded(market), len(face.requests("GET"))
    told = browser.post(f"{page}/back", data=brought(face, payment))
    assert told.status_code == 401
    assert recorded(market) == before
    assert len(face.requests("GET")) == asked
    assert state(shop, payment) == "pending"


def test_a_return_signed_for_another_order_is_refused(market, shop, payment, page, browser, face):
    other = Shop(market, currency="INR", price="1.00")
    cheap = other.pay({})
    fields = brought(face, cheap)
    assert browser.post(f"{page}/back", data=fields).status_code == 401
    mixed = {**fields, "razorpay_order_id": order_of(face, payment).id}
    assert browser.post(f"{page}/back", data=mixed).status_code == 401
    assert settle(shop, payment, rounds=2) == "pending"
    assert shop.read_order()["state"] == "pending_payment"


def test_a_valid_signature_proves_an_authorisation_and_no_capture(shop, payment, page, browser, face):
    face.choose("pay", "authorized_only")
    face.choose("capture", "http_500", times=50)
    fields = brought(face, payment)
    last = browser.post(f"{page}/back", data=fields)
    assert "being confirmed" in last.text
    assert state(shop, payment) == "authorized"
    shop.assert_unpaid()


def test_a_valid_signature_over_nothing_paid_pays_nothing(shop, payment, page, browser, face):
    """Even our own key secret, fallen into wrong hands, moves no order: the gateway is asked."""
    order = order_of(face, payment)
    fields = {"razorpay_payment_id": "pay_x", "razorpay_order_id": order.id}
    fields["razorpay_signature"] = sign(KEY_SECRET, f"{order.id}|pay_x".encode())
    assert browser.post(f"{page}/back", data=fields).status_code == 200
    assert state(shop, payment) == "pending"
    shop.assert_unpaid()


def test_a_return_while_the_gateway_is_silent_is_confirmed_later(shop, payment, page, browser, face):
    fields = brought(face, payment)
    face.choose("payments", "http_500")
    assert browser.post(f"{page}/back", data=fields).status_code == 200
    assert state(shop, payment) == "pending"
    assert settle(shop, payment) == "captured"
    shop.assert_paid_once()


def test_a_payer_who_never_returns_has_paid_by_webhook(market, shop, payment, face):
    face.control("razorpay/webhooks", url=f"{market.url}/hooks/razorpay", secret=WEBHOOK_SECRET)
    face.choose("pay", "never_returns")
    assert brought(face, payment) is None
    face.choose("payments", "http_500", times=50)
    assert settle(shop, payment) == "captured"
    shop.assert_paid_once()
    assert {row.source for row in recorded(market) if row.state == "captured"} == {"webhook"}


def test_webhooks_in_any_order_and_number_pay_once(market, shop, payment, face):
    face.control("razorpay/webhooks", url=f"{market.url}/hooks/razorpay", secret=WEBHOOK_SECRET)
    face.control("razorpay/webhooks", url=f"{market.url}/hooks/razorpay", secret="old-secret")
    face.choose("pay", "reorder")
    brought(face, payment)
    eventually(lambda: market.query("SELECT count(*) FROM webhook_inbox")[0][0] == 6)
    assert settle(shop, payment) == "captured"
    settle(shop, payment, rounds=2)
    shop.assert_paid_once()


def test_a_webhook_with_a_bad_signature_leaves_no_row(market, shop, payment, face):
    face.control("razorpay/webhooks", url=f"{market.url}/hooks/razorpay", secret="not-ours")
    brought(face, payment)
    eventually(lambda: face._simulator.world.log.select("razorpay", "delivery"))
    assert market.query("SELECT * FROM webhook_inbox") == []
    assert state(shop, payment) == "pending"


def test_a_declined_try_may_be_followed_by_another_on_the_same_order(shop, payment, page, browser, face):
    declined = browser.post(f"{page}/back", data=brought(face, payment, outcome="fail"))
    assert "Nothing has been paid yet" in declined.text
    assert f'href="{page}"' in declined.text
    assert state(shop, payment) == "pending"
    assert Form(browser.get(page).text).fields["order_id"] == order_of(face, payment).id
    assert "has arrived" in browser.post(f"{page}/back", data=brought(face, payment)).text
    shop.assert_paid_once()
    assert len(face.merchant.orders.book.all()) == 1


def test_a_payer_who_leaves_ends_the_attempt_but_a_late_success_is_accepted(shop, payment, page, browser, face):
    assert "was not made" in browser.get(f"{page}/cancelled").text
    ended = shop.read_payment(payment)
    assert (ended["state"], ended["reason"]) == ("failed", "cancelled_by_payer")
    assert "was not made" in browser.get(page).text
    assert "has arrived" in browser.post(f"{page}/back", data=brought(face, payment)).text
    shop.assert_paid_once()


def test_leaving_after_paying_does_not_unpay(shop, payment, page, browser, face):
    brought(face, payment)
    assert "has arrived" in browser.get(f"{page}/cancelled").text
    assert "has arrived" in browser.get(f"{page}/cancelled").text
    shop.assert_paid_once()


def test_leaving_while_a_bank_is_busy_ends_nothing(shop, payment, page, browser, face):
    brought(face, payment, outcome="fail")
    face.merchant.payments.book.all()[0].status = "created"
    browser.get(f"{page}/cancelled")
    assert state(shop, payment) == "pending"


def test_nobody_is_sent_to_pay_what_is_paid_or_over(market, shop, payment, page, browser, face):
    market.travel("16 minutes")
    shop.log_in()
    late = browser.get(page)
    assert str(late.url) == f"{page}/status"
    assert Form(late.text).action is None
    brought(face, payment)
    assert settle(shop, payment) == "captured"
    assert str(browser.get(page).url) == f"{page}/status"


def test_an_order_whose_answer_got_lost_has_its_page_again_once_found(shop, browser, face):
    face.choose("orders", "drop_after")
    payment = shop.pay({})
    assert (payment["state"], payment["next_action"]) == ("unknown", None)
    settle(shop, payment, rounds=1)
    found = shop.read_payment(payment)
    assert found["state"] == "pending"
    assert Form(browser.get(found["next_action"]["data"]["url"]).text).fields["order_id"]


@pytest.mark.parametrize("place", ["", "/back", "/cancelled", "/status"])
def test_an_address_that_was_not_given_out_leads_nowhere(market, payment, page, browser, place):
    def ask(address):
        return browser.request("POST" if place == "/back" else "GET", f"{address}{place}").status_code

    start, _slash, token = page.rpartition("/")
    assert ask(f"{start}/{'0' * 64}") == 404
    assert ask(f"{start}/{token.upper()}x") == 404
    assert ask(page.replace(payment["id"], str(uuid.uuid4()))) == 404
    pages = market.registry["marketcore payment providers"]["razorpay"].pages
    assert ask(pages.pay(uuid.uuid4())) == 404
    market.query("UPDATE payments SET provider = 'other'")
    assert ask(page) == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff", 400),
        (b"a=b", 400),
        (b"&".join(b"error%d=x" % n for n in range(100)), 400),
        (b"error=" + b"x" * 20_000, 413),
        (b"razorpay_payment_id=pay_1", 401),
        (b"razorpay_payment_id=%F0%9F&razorpay_signature=%C3%A9", 401),
        (b"razorpay_payment_id=&razorpay_signature=", 401),
    ],
)
def test_a_hostile_return_is_refused(market, shop, payment, page, browser, body, status):
    before = recorded(market)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
    assert browser.post(f"{page}/back", content=body, headers=headers).status_code == status
    assert recorded(market) == before


def test_the_shops_own_page_receives_the_payer_where_there_is_one(make_market, simulator, face):
    market = make_market(
        "payments_razorpay",
        **SETTINGS,
        payments_razorpay__base_url=simulator.razorpay_url,
        payments_razorpay__return_url="https://shop.example/paid?from=razorpay",
    )
    shop = Shop(market, currency="INR")
    payment = shop.pay({})
    page = payment["next_action"]["data"]["url"]
    browser = market.client(follow_redirects=False)
    home = f"https://shop.example/paid?from=razorpay&payment_id={payment['id']}"
    assert browser.post(f"{page}/back", data=brought(face, payment)).headers["Location"] == home
    assert browser.get(f"{page}/cancelled").headers["Location"] == home
    shop.assert_paid_once()
