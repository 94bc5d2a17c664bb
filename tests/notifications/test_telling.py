"""What people are told, where they read it, and how they choose."""

from __future__ import annotations

import pytest
from post import both
from sqlalchemy import event

from marketcore.config import configure
from marketcore.directives import add_notification_type, table
from marketcore.exceptions import ConfigurationError
from marketcore.identity.services import IdentityService
from marketcore.notifications.services import NotificationService
from marketcore.testing.live import LiveClient
from marketcore.testing.shop import Shop, money_arrives


@pytest.fixture
def shop(town):
    return Shop(town.market)


def subjects(town, told):
    return [letter["Subject"] for letter in town.office.box(told["user"]["email"])]


def types(http):
    return [item["type"] for item in http.get("/api/v1/users/me/notifications").json()["items"]]


def test_M11_K7_a_payment_is_told_in_app_live_and_by_letter_in_both_forms(town, live, shop):

    with LiveClient(live.url, shop.buyer_user["access"]) as socket:
        socket.subscribe(f"user:{shop.buyer_user['user']['id']}")
        assert money_arrives(town.market, shop.checkout["id"])
        while (event := socket.next_event())["type"] != "notification":
            pass
    (listed,) = shop.buyer.get("/api/v1/users/me/notifications").json()["items"]
    assert event["data"] == listed
    assert listed["type"] == "payment.received"
    assert listed["line"] == f"Your payment of 500.00 KES for order {shop.order_id} has arrived."
    assert listed["data"]["order_id"] == shop.order_id
    assert (listed["times"], listed["read_at"]) == (1, None)
    town.deliver()
    (letter,) = town.office.box(shop.buyer_user["user"]["email"])
    assert (letter["From"], letter["Auto-Submitted"]) == ("Soko & Co <post@shop.example>", "auto-generated")
    plain, page = both(letter)
    assert letter["Subject"] == "Payment received: 500.00 KES"
    assert f"your payment of 500.00 KES for order {shop.order_id} has arrived" in plain
    assert f"See the order: https://shop.example/orders/{shop.order_id}\n" in plain
    assert f'<a href="https://shop.example/orders/{shop.order_id}"' in page
    assert "Soko &amp; Co" in page


def test_M14_buyer_and_seller_are_written_to_at_every_step_that_matters_to_them(town, shop):
    money_arrives(town.market, shop.checkout["id"])
    for step in ("confirmed", "packed"):
        shop.step(shop.seller, step)
    shop.step(shop.seller, "shipped", carrier="G4S", tracking_number="KE-1")
    shop.step(shop.buyer, "delivered")
    town.deliver()
    order = f"rder {shop.order_id}"
    assert subjects(town, shop.buyer_user) == [
        "Payment received: 500.00 KES",
        f"O{order} is on its way",
        f"Did o{order} arrive as you expected?",
    ]
    assert subjects(town, shop.seller_user) == [f"Sold: o{order} is paid"]
    shipped = both(town.office.box(shop.buyer_user["user"]["email"])[1])[0]
    assert f"o{order} is on its way with G4S, tracking number KE-1." in shipped


def test_M14_an_order_that_was_not_paid_is_told_but_not_written(town, shop):
    town.market.query("UPDATE orders SET payment_due_at = market_clock() WHERE id = :id", id=shop.order_id)
    shop.run_deadlines()
    town.deliver()
    assert "order.expired" in types(shop.buyer)
    assert not [subject for subject in subjects(town, shop.buyer_user) if "not paid in time" in subject]


def test_M14_a_blocked_account_is_written_to_and_so_is_one_that_is_opened(town):
    ann = town.person(first_name="Ann")
    town.market.perform(lambda r: r.find_service(IdentityService).block(ann.id, "sold stolen goods", by=None))
    town.market.perform(lambda r: r.find_service(IdentityService).unblock(ann.id))
    town.deliver()
    blocked, opened = ann.letters
    assert "Hello Ann,\n\nyour account is blocked: sold stolen goods\n" in both(blocked)[0]
    assert opened["Subject"] == "Your account is open again"


def test_K7_an_unread_notification_of_one_key_counts_up_and_a_read_one_begins_anew(town):
    ann = town.person()
    for number in range(3):
        town.tell(ann, "gazette.alarm", key="fire", what=f"fire {number}")
    town.tell(ann, "gazette.alarm", key="flood", what="flood")
    items = ann.get()["items"]
    assert [(item["line"], item["times"]) for item in items] == [("Alarm: flood", 1), ("Alarm: fire 2", 3)]
    assert ann.unread() == 2
    ann.http.post(f"/api/v1/users/me/notifications/{items[1]['id']}/read")
    town.tell(ann, "gazette.alarm", key="fire", what="fire again")
    assert next((item["line"], item["times"]) for item in ann.get()["items"]) == ("Alarm: fire again", 1)


def test_K7_notifications_without_a_key_stay_apart(town):
    ann = town.person()
    for _ in range(2):
        town.tell(ann, "gazette.alarm", what="fire")
    assert ann.lines() == ["Alarm: fire"] * 2


def test_M11_one_notification_is_marked_as_read_and_then_all(town):
    ann = town.person()
    for number in range(3):
        town.tell(ann, "gazette.alarm", what=str(number))
    newest = ann.get()["items"][0]
    for _ in range(2):
        assert ann.http.post(f"/api/v1/users/me/notifications/{newest['id']}/read").status_code == 204
    first = ann.get()["items"][0]["read_at"]
    assert first is not None
    assert ann.unread() == 2
    assert len(ann.told(unread="true")) == 2
    assert ann.http.post("/api/v1/users/me/notifications/read").status_code == 204
    assert (ann.unread(), ann.told(unread="true")) == (0, [])
    assert ann.get()["items"][0]["read_at"] == first


def test_M11_somebody_elses_notifications_are_not_there(town):
    ann, eve = town.person(), town.person()
    town.tell(ann, "gazette.alarm", what="fire")
    (item,) = ann.get()["items"]
    assert eve.http.post(f"/api/v1/users/me/notifications/{item['id']}/read").status_code == 404
    assert eve.http.post("/api/v1/users/me/notifications/read").status_code == 204
    assert (eve.told(), ann.unread()) == ([], 1)


def test_M11_pages_show_each_notification_once_while_more_come(town):
    ann = town.person()
    for number in range(5):
        town.tell(ann, "gazette.alarm", what=str(number))
    page = ann.get(limit=2)
    town.tell(ann, "gazette.alarm", what="late")
    own, lines = page["next"], [item["line"] for item in page["items"]]
    while page["next"]:
        page = ann.get(limit=2, cursor=page["next"])
        lines += [item["line"] for item in page["items"]]
    assert lines == [f"Alarm: {number}" for number in (4, 3, 2, 1, 0)]
    stranger = town.person().http.get("/api/v1/users/me/notifications", params={"cursor": own})
    assert (stranger.status_code, list(stranger.json()["errors"])) == (422, ["cursor"])


def test_M11_K8_each_type_is_switched_by_channel(town, pigeons):
    ann, ben = town.person(phone="+254712345678"), town.person(phone="+254712345679")
    assert ann.choose("gazette.alarm", "email").status_code == 200
    assert ann.choose("gazette.edition").status_code == 200
    for person in (ann, ben):
        town.tell(person, "gazette.alarm", what="fire")
        town.tell(person, "gazette.edition", headline="rain")
    town.later()
    town.deliver()
    assert ann.told() == []
    assert [letter["Subject"] for letter in ann.letters] == ["Alarm"]
    assert ben.told() == ["gazette.edition", "gazette.alarm"]
    assert [letter["Subject"] for letter in ben.letters] == ["1 news, such as rain"]
    assert [number for number, _text, _id in pigeons.sent] == ["+254712345679"]


def test_M11_choices_list_every_type_with_what_holds_for_the_person(town):
    ann = town.person()
    before = {item["type"]: item for item in ann.get("notification-choices")["items"]}
    assert set(before) == set(table(town.market.registry, "notification types"))
    assert before["gazette.alarm"]["channels"] == ["in_app", "sms"]
    answer = ann.choose("gazette.alarm", "email", "in_app", "email")
    after = {item["type"]: item for item in answer.json()["items"]}
    assert after.pop("gazette.alarm")["channels"] == ["email", "in_app"]
    assert after == {type: item for type, item in before.items() if type != "gazette.alarm"}


@pytest.mark.parametrize("type", ["account.blocked", "account.password_changed", "account.reset_password"])
def test_K8_what_concerns_safety_cannot_be_switched_off(town, type):
    ann = town.person()
    answer = ann.choose(type)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["channels"])
    # A choice from a time when the type could be switched off is not listened to.
    row = "INSERT INTO notification_choices VALUES (:id, :type, 'email', false)"
    town.market.query(row, id=ann.id, type="account.blocked")
    town.tell(ann, "account.blocked", reason="fraud")
    town.deliver()
    assert [letter["Subject"] for letter in ann.letters] == ["Your account is blocked"]


def test_M11_choices_that_mean_nothing_are_refused(town):
    ann = town.person()
    assert ann.choose("no.such.type", "email").status_code == 404
    assert ann.choose("gazette.alarm", "telepathy").status_code == 422
    assert ann.choose("gazette.alarm", *["email"] * 4).status_code == 422
    assert town.market.query("SELECT * FROM notification_choices WHERE user_id = :id", id=ann.id) == []


def test_M11_what_is_rolled_back_was_never_told(town):
    ann = town.person()

    def fail(request):

        request.find_service(NotificationService).notify(ann.id, "gazette.alarm", {"what": "fire"})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        town.market.perform(fail)
    assert (ann.told(), town.letters(ann), town.jobs()) == ([], [], [])


def test_a_notification_is_one_statement_and_one_for_its_letter(town):
    ann = town.person()
    with town.market.work() as request:
        notify = request.find_service(NotificationService).notify
        said = []
        event.listen(town.market.registry["engine"], "before_cursor_execute", lambda *given: said.append(given[2]))
        try:
            notify(ann.id, "account.blocked", {"reason": "fraud"})
            assert len(said) == 2, said
        finally:
            town.market.registry["engine"].dispatch.before_cursor_execute.clear()


def test_a_type_that_nobody_declares_is_named(town):
    with pytest.raises(LookupError, match=r"'gazette.crossword'.*add_notification_type"):
        town.tell(town.person(), "gazette.crossword")


@pytest.mark.parametrize(
    ("fault", "given", "remedy"),
    [
        ("name", {"name": "Gazette News"}, "use at most 60 of"),
        ("template", {"name": "gazette.lost"}, r"gazette.lost.jinja2: add one"),
        ("package", {"templates": "no_such_package:templates"}, "add one"),
        ("channel", {"channels": "email telepathy"}, r"\['telepathy'\]: use in_app, email and sms"),
    ],
)
def test_a_declaration_that_cannot_work_says_what_to_do(fault, given, remedy):
    whole = {"name": "gazette.alarm", "title": "Alarms", "templates": "marketcore_gazette:templates", **given}
    with pytest.raises(ConfigurationError, match=remedy):
        add_notification_type(None, **whole)


def test_a_text_message_provider_that_is_not_there_stops_the_start(make_settings):
    with pytest.raises(ConfigurationError, match=r"sms_provider = 'owls' is not registered.*registered: files"):
        configure(make_settings(notifications__sms_provider="owls"))
