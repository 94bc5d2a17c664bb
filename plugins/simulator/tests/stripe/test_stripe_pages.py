import pytest
from bs4 import BeautifulSoup


class Browser:
    """Read a page and press its buttons through real form posts, without a script."""

    def __init__(self, http):
        self._http = http

    def open(self, url, status=200):
        answer = self._http.get(url)
        assert answer.status_code == status
        self.soup = BeautifulSoup(answer.text, "html.parser")
        self.url = url
        return self

    def press(self, text, **filled):
        """Press the button whose words begin so, after filling in fields; return the redirect's address."""
        button = next(one for one in self.soup.find_all("button") if one.get_text(" ", strip=True).startswith(text))
        form = button.find_parent("form")
        fields = {one["name"]: one.get("value", "") for one in form.find_all("input")}
        fields |= {one["name"]: one.find("option")["value"] for one in form.find_all("select")}
        assert set(filled) <= set(fields)
        data = {**fields, **filled, button["name"]: button["value"]}
        origin = self.url.split("/stripe/")[0]
        answer = self._http.post(form.get("action") or self.url, data=data, headers={"Origin": origin})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    @property
    def text(self):
        return self.soup.get_text(" ", strip=True)


@pytest.fixture
def browser(http):
    return Browser(http)


def thanks(session):
    return f"http://127.0.0.1:1/thanks?session={session.id}"


def test_the_page_shows_the_order_and_says_it_is_simulated(shop, browser):
    session = shop.session(125_000, "kes", client_reference_id="ORD-77")
    browser.open(session.url)
    assert "SIMULATED PAYMENTS" in browser.soup.find(class_="banner").get_text()
    assert "1,250.00 KES" in browser.text
    assert "Blue mug" in browser.text
    assert "ORD-77" in browser.text
    links = [tag.get(name) for name in ("src", "href", "action") for tag in browser.soup.find_all(attrs={name: True})]
    assert all(link.startswith(("/", "data:")) for link in links)


def test_a_typed_card_pays_and_the_browser_goes_to_success_url(shop, browser):
    session = shop.session()
    browser.open(session.url)
    typed = {"number": "4242 4242 4242 4242", "email": "payer@example.com", "expiry": "12/34", "cvc": "123"}
    assert browser.press("Pay 20.00 USD", **typed) == thanks(session)
    found = shop.read_session(session)
    assert (found.payment_status, found.customer_details.email) == ("paid", "payer@example.com")
    assert "was placed" in browser.open(session.url).text


@pytest.mark.parametrize(
    ("button", "words"),
    [("Is declined", "Your card was declined."), ("Has insufficient funds", "Your card has insufficient funds.")],
)
def test_a_declined_card_comes_back_to_the_page_and_another_may_be_tried(shop, browser, button, words):
    session = shop.session()
    here = browser.open(session.url).press(button)
    assert here == session.url
    assert browser.open(here).soup.find(class_="problem").get_text() == words
    assert browser.press("Succeeds") == thanks(session)


def test_cancelling_goes_to_cancel_url_and_leaves_the_session_open(shop, browser):
    session = shop.session()
    assert browser.open(session.url).press("← Cancel") == "http://127.0.0.1:1/basket"
    assert shop.read_session(session).status == "open"
    bare = shop.session(cancel_url="")
    assert "Cancel" not in browser.open(bare.url).text


def test_three_d_secure_is_a_page_of_its_own(shop, browser):
    session = shop.session()
    challenge = browser.open(session.url).press("Asks for 3-D Secure")
    assert "/stripe/challenge/pi_" in challenge
    assert "ending in 3155" in browser.open(challenge).text
    assert browser.press("Refuse") == session.url
    assert "unable to authenticate" in browser.open(session.url).text
    challenge = browser.press("Asks for 3-D Secure")
    assert browser.open(challenge).press("Approve") == thanks(session)
    assert shop.read_session(session).payment_status == "paid"
    browser.open(challenge, 404)


def test_the_challenge_of_an_intent_without_a_session_returns_to_its_address(shop, browser):
    params = {
        "payment_method": "pm_card_authenticationRequired",
        "confirm": True,
        "return_url": "http://127.0.0.1:1/r?a=1",
    }
    intent = shop.client.v1.payment_intents.create({"amount": 2000, "currency": "usd", **params})
    location = browser.open(intent.next_action.redirect_to_url.url).press("Approve")
    assert location.startswith(f"http://127.0.0.1:1/r?a=1&payment_intent={intent.id}&")
    assert location.endswith("redirect_status=succeeded")
    assert shop.client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


@pytest.mark.parametrize(("bank", "paid"), [("clears", "paid"), ("fails", "unpaid")])
def test_a_bank_debit_places_the_order_before_the_bank_decides(shop, hooks, browser, bank, paid):
    session = shop.session()
    assert browser.open(session.url).press("Pay 20.00 USD by bank", bank=bank) == thanks(session)
    assert shop.read_session(session).payment_status == "unpaid"
    assert "being collected" in browser.open(session.url).text
    shop.pass_time(6)
    hooks.event(f"checkout.session.async_payment_{'succeeded' if bank == 'clears' else 'failed'}")
    assert shop.read_session(session).payment_status == paid


def test_an_expired_page_takes_no_payment(shop, browser):
    session = shop.session()
    browser.open(session.url)
    shop.client.v1.checkout.sessions.expire(session.id)
    assert browser.press("Succeeds") == session.url
    assert "expired" in browser.open(session.url).text
    assert shop.objects("charge") == []


def test_paying_twice_from_a_stale_page_takes_the_money_once(shop, browser):
    session = shop.session()
    browser.open(session.url)
    browser.press("Succeeds")
    browser.press("Succeeds")
    assert len(shop.objects("charge")) == 1


@pytest.mark.parametrize("path", ["/pay/cs_test_no", "/challenge/pi_no", "/onboarding/no"])
def test_a_page_about_nothing_says_so(shop, http, path):
    assert http.get(f"{shop.simulator.stripe_url}{path}").status_code == 404
    assert http.post(f"{shop.simulator.stripe_url}{path}", data={"state": "active"}).status_code == 404


def test_what_a_merchant_writes_is_escaped(shop, http):
    price = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "<script>alert(1)</script>"}}
    session = shop.session(line_items=[{"quantity": 1, "price_data": price}], client_reference_id="<b>'\"&")
    text = http.get(session.url).text
    assert "<script" not in text
    assert "<b>" not in text


def test_a_form_posted_by_another_site_is_refused(shop, http):
    session = shop.session()
    data = {"method": "card", "quick_card": "4242424242424242"}
    answer = http.post(session.url, data=data, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert shop.read_session(session).status == "open"
