import json

import pytest
from bs4 import BeautifulSoup

from marketcore_simulator.razorpay.credentials import KEY_ID, KEY_SECRET
from marketcore_simulator.razorpay.webhooks import sign
from marketcore_simulator.testing import eventually

CALLBACK = "http://127.0.0.1:8000/pay/razorpay/return"


def form_of(order, **changes):
    form = {
        "key_id": KEY_ID,
        "order_id": order["id"],
        "amount": str(order["amount"]),
        "currency": "INR",
        "name": "Crafts & Co",
        "description": "Order 1",
        "callback_url": CALLBACK,
        "cancel_url": "http://127.0.0.1:8000/orders/1?cancelled=1",
    }
    return {name: value for name, value in {**form, **changes}.items() if value is not None}


def enter(http, order, headers=None, **changes):
    return http.post("/razorpay/v1/checkout/embedded", data=form_of(order, **changes), headers=headers)


def soup_of(answer, status=200):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    soup = BeautifulSoup(answer.text, "html.parser")
    assert "SIMULATED PAYMENTS" in soup.find(class_="banner").get_text()
    return soup


def choose(http, soup, decision="pay", **fields):
    return http.post(soup.find("form")["action"], data={"method": "upi", "decision": decision, **fields})


def brought(answer):
    """Return where the browser is sent and what it posts there."""
    form = soup_of(answer).find("form", id="back")
    return form["action"], {field["name"]: field["value"] for field in form.find_all("input")}


def test_the_page_shows_what_is_paid_and_every_way_to_pay(http, api):
    soup = soup_of(enter(http, api.order(123_456_700)))
    text = soup.get_text(" ", strip=True)
    assert "₹1,234,567.00" in text
    assert "Crafts & Co" in text
    assert [field["value"] for field in soup.find_all("input", attrs={"name": "method"})] == [
        "upi",
        "card",
        "netbanking",
    ]
    assert soup.find("a", class_="cancel")["href"] == "http://127.0.0.1:8000/orders/1?cancelled=1"


def test_a_form_of_the_marketplace_may_lead_to_the_page_from_its_own_origin(http, api):
    order = api.order()
    for origin in ("http://127.0.0.1:8000", "https://shop.example", "null"):
        soup_of(enter(http, order, {"Origin": origin}))
    visit = soup_of(enter(http, order)).find("form")["action"]
    assert http.post(visit, data={"decision": "pay"}, headers={"Origin": "https://shop.example"}).status_code == 403


@pytest.mark.parametrize(
    ("method", "fields", "shown"),
    [
        ("upi", {"vpa": "payer@upi"}, ("vpa", "payer@upi")),
        ("netbanking", {"bank": "ICIC"}, ("bank", "ICIC")),
        ("card", {"card": "4111 1111 1111 1111"}, ("method", "card")),
    ],
)
def test_a_payer_pays_and_is_sent_back_with_a_signature_that_verifies(http, api, method, fields, shown):
    order = api.order()
    action, posted = brought(choose(http, soup_of(enter(http, order)), method=method, **fields))
    assert action == CALLBACK
    assert posted["razorpay_order_id"] == order["id"]
    signed = f"{order['id']}|{posted['razorpay_payment_id']}".encode()
    assert posted["razorpay_signature"] == sign(KEY_SECRET, signed)
    payment = api.payment(posted["razorpay_payment_id"])
    assert payment["status"] == "captured"
    assert payment[shown[0]] == shown[1]


@pytest.mark.parametrize("fields", [{"decision": "fail"}, {"decision": "pay", "vpa": "failure@razorpay"}])
def test_a_declined_payer_is_sent_back_with_the_reason_and_may_come_again(http, api, fields):
    order = api.order()
    soup = soup_of(enter(http, order))
    action, posted = brought(choose(http, soup, **fields))
    assert action == CALLBACK
    assert posted["error[reason]"] == "payment_failed"
    told = json.loads(posted["error[metadata]"])
    assert told["order_id"] == order["id"]
    assert api.payment(told["payment_id"])["status"] == "failed"
    again = soup_of(enter(http, order))
    assert "Attempt 2" in again.get_text(" ", strip=True)
    assert "razorpay_signature" in brought(choose(http, again))[1]


def test_the_browser_may_never_return_though_the_webhook_comes(http, api, told):
    api.choose("pay", "never_returns")
    soup = soup_of(choose(http, soup_of(enter(http, api.order()))))
    assert soup.find("form") is None
    assert "never returns" in soup.get_text()
    assert "order.paid" in told.names(3)


def test_a_paid_order_cannot_be_paid_again_from_any_page_open_on_it(http, api):
    order = api.order()
    first, second = soup_of(enter(http, order)), soup_of(enter(http, order))
    choose(http, first)
    soup_of(choose(http, second), 400)
    assert "paid already" in soup_of(enter(http, order), 400).get_text()
    assert api.get(f"/v1/orders/{order['id']}/payments").json()["count"] == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key_id": "other"}, "api key"),
        ({"order_id": "order_none"}, "does not exist"),
        ({"order_id": None}, "does not exist"),
        ({"amount": "1"}, "amount differs"),
        ({"currency": "USD"}, "currency differs"),
        ({"callback_url": "javascript:alert(1)"}, "callback_url"),
        ({"callback_url": None}, "callback_url"),
        ({"cancel_url": "data:text/html,x"}, "cancel_url"),
    ],
)
def test_a_form_that_makes_no_sense_leads_nowhere(http, api, changes, said):
    assert said in soup_of(enter(http, api.order(), **changes), 400).get_text()


def test_what_a_merchant_writes_is_escaped(http, api):
    text = enter(http, api.order(receipt="<b>1</b>"), name="<i>", description='"><script>x</script>').text
    assert "<b>" not in text
    assert "<i>" not in text
    assert "<script>" not in text


def test_an_ended_visit_is_said_so(http, api):
    soup = soup_of(enter(http, api.order()))
    action = soup.find("form")["action"]
    assert soup_of(http.get(action)).find("form")["action"] == action
    http.post("/_sim/reset").raise_for_status()
    assert http.get(action).status_code == http.post(action, data={}).status_code == 404


def test_an_unknown_method_is_refused(http, api):
    soup_of(choose(http, soup_of(enter(http, api.order())), method="cheque"), 400)


def test_the_page_loads_nothing_from_elsewhere(http, api):
    soup = soup_of(enter(http, api.order()))
    assert soup.find_all(["img", "script"]) == []
    assert [link["href"] for link in soup.find_all("link")] == ["data:,"]


def test_a_webhook_may_be_lost_while_the_browser_returns(http, api, receiver, told, simulator):
    api.choose("pay", "no_callback")
    _, posted = brought(choose(http, soup_of(enter(http, api.order()))))
    assert api.payment(posted["razorpay_payment_id"])["status"] == "captured"
    api.captured(receipt="ORD-2")
    eventually(lambda: len(receiver.calls) == 3)
