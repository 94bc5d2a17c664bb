import pytest
from bs4 import BeautifulSoup

from marketcore_simulator.testing import eventually


def page(http, path):
    answer = http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return BeautifulSoup(answer.text, "html.parser")


@pytest.mark.parametrize("path", ["/", "/handset"])
def test_every_page_says_that_payments_are_simulated_and_loads_nothing_from_elsewhere(http, path):
    soup = page(http, path)
    assert "SIMULATED PAYMENTS" in soup.find(class_="banner").get_text()
    addresses = [tag.get(name) for name in ("src", "href", "action") for tag in soup.find_all(attrs={name: True})]
    assert all(address.startswith(("/", "data:")) for address in addresses)
    assert soup.find("a", attrs={"aria-current": "page"})["href"] == path


def test_the_handset_shows_the_prompt_as_the_payer_sees_it(http, merchant):
    merchant.push(Amount=12500, AccountReference="ORD-77")
    screen = page(http, "/handset").find(class_="phone").get_text(" ", strip=True)
    assert "KES 12,500" in screen
    assert "ORD-77" in screen
    assert "+254 712 345 678" in screen


@pytest.mark.parametrize(
    ("button", "state"),
    [
        ("Approve", "approved"),
        ("Cancel", "cancelled"),
        ("Wrong PIN", "wrong_pin"),
        ("No balance", "insufficient"),
        ("Ignore", "ignored"),
    ],
)
def test_a_button_decides_the_prompt_and_calls_the_marketplace_back(http, merchant, receiver, button, state):
    merchant.push(CallBackURL=receiver.url)
    form = page(http, "/handset").find("form")
    pressed = form.find("button", string=button)
    answer = http.post(form["action"], data={pressed["name"]: pressed["value"]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/handset")
    assert http.get("/_sim/daraja/prompts").json()["items"][0]["state"] == state
    eventually(lambda: receiver.calls)
    assert page(http, "/handset").find(class_="phone") is None
    assert state.replace("_", " ") in page(http, "/handset").find(class_="done").get_text()


def test_pressing_a_button_of_a_stale_page_changes_nothing(http, merchant):
    asked = merchant.push().json()["CheckoutRequestID"]
    for decision in ("cancel", "approve"):
        assert http.post(f"/handset/{asked}", data={"decision": decision}).status_code == 303
    assert http.get(f"/_sim/daraja/prompts/{asked}").json()["state"] == "cancelled"


def test_an_unknown_decision_or_prompt_is_refused(http, merchant):
    asked = merchant.push().json()["CheckoutRequestID"]
    assert http.post(f"/handset/{asked}", data={"decision": "repeat"}).status_code == 400
    assert http.post("/handset/ws_CO_nobody", data={"decision": "cancel"}).status_code == 404


@pytest.mark.parametrize("path", ["/handset", "/handset/screens", "/", "/log/lines"])
def test_what_a_merchant_writes_is_escaped(http, merchant, path):
    merchant.push(AccountReference="<b>'x\"&", TransactionDesc="<script>")
    text = http.get(path).text
    assert "<b>" not in text
    assert "&lt;b&gt;" in text
    own_scripts = 1 if path in {"/", "/handset"} else 0
    assert text.count("<script") == own_scripts


def test_the_log_offers_to_redeliver_deliveries_and_does_so(http, merchant, receiver):
    merchant.push(PhoneNumber="254712345001", CallBackURL=receiver.url)
    eventually(lambda: http.get("/_sim/events", params={"kind": "delivery"}).json()["items"])
    forms = page(http, "/").find_all("form")
    assert len(forms) == 1
    answer = http.post(forms[0]["action"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert len(receiver.calls) == 2


def test_the_parts_that_refresh_are_the_parts_of_the_page(http, merchant):
    merchant.push()
    for path in ("/", "/handset"):
        main = page(http, path).find(id="live")
        part = BeautifulSoup(http.get(main["data-source"]).text, "html.parser")
        assert part.get_text(" ", strip=True) == main.get_text(" ", strip=True)
