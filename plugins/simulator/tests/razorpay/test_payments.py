import threading

import pytest

from marketcore_simulator.testing import eventually


def order_status(api, order):
    return api.get(f"/v1/orders/{order['id']}").json()["status"]


# Orders


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 99}, "amount"),
        ({"amount": "50000"}, "amount"),
        ({"amount": 500.5}, "amount"),
        ({"amount": None}, "amount"),
        ({"currency": "USD"}, "currency"),
        ({"receipt": "R" * 41}, "receipt"),
        ({"receipt": 5}, "receipt"),
        ({"notes": "text"}, "notes"),
        ({"notes": {str(number): "x" for number in range(16)}}, "notes"),
        ({"notes": {"a": "x" * 257}}, "notes"),
        ({"colour": "red"}, "colour"),
        ({"payment": {"capture": "maybe"}}, "capture"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_by_field(api, refused, change, field):
    document = {"amount": 50_000, "currency": "INR", "receipt": "ORD-1", **change}
    assert refused(api.post("/v1/orders", document)) == (400, "BAD_REQUEST_ERROR", field)
    assert api.get("/v1/orders").json()["count"] == 0


def test_the_edges_of_an_order_are_accepted(api):
    api.order(100, receipt="R" * 40, notes={str(number): "x" * 256 for number in range(15)})


def test_two_orders_may_have_one_receipt_for_the_gateway_knows_no_key(api):
    api.order()
    api.order()
    assert api.get("/v1/orders", receipt="ORD-1").json()["count"] == 2


def test_lists_are_paged(api):
    for number in range(3):
        api.order(receipt=f"ORD-{number}")
    page = api.get("/v1/orders", count=2, skip=1).json()["items"]
    assert [order["receipt"] for order in page] == ["ORD-1", "ORD-0"]
    assert api.get("/v1/orders", count=101).status_code == 400
    assert api.get("/v1/orders", count="many").status_code == 400


@pytest.mark.parametrize("body", [b"[1]", b"{", b"\xff"])
def test_a_body_that_is_no_object_is_refused(http, body):
    answer = http.post("/razorpay/v1/orders", content=body, auth=("rzp_test_simulated0001", "demo-key-secret"))
    assert answer.status_code == 400


@pytest.mark.parametrize("header", [None, "Basic", "Basic !!!", "Bearer abc", "Basic YTpi"])
def test_a_stranger_is_turned_away(http, header):
    answer = http.get("/razorpay/v1/orders", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.json()["error"]["description"] == "Authentication failed"


def test_what_is_not_there_is_said_so(api, http):
    assert api.get("/v1/nothing").status_code == 404
    assert api.patch("/v1/orders", {}).status_code == 404
    assert http.post("/_sim/razorpay/orders/order_none/pay").status_code == 404


# The course of a payment


def test_a_payment_is_captured_by_itself_with_its_fee(api):
    order = api.order(50_000)
    payment = api.pay(order)["payment"]
    assert (payment["status"], payment["captured"]) == ("captured", True)
    assert (payment["fee"], payment["tax"]) == (1180, 180)
    shown = api.get(f"/v1/orders/{order['id']}").json()
    assert (shown["status"], shown["amount_paid"], shown["amount_due"], shown["attempts"]) == ("paid", 50_000, 0, 1)


@pytest.mark.parametrize(
    "manual", [{"payment_capture": False}, {"payment_capture": 0}, {"payment": {"capture": "manual"}}]
)
def test_an_order_may_ask_for_capture_by_hand(api, manual):
    order = api.order(**manual)
    payment = api.pay(order)["payment"]
    assert (payment["status"], payment["fee"]) == ("authorized", None)
    assert order_status(api, order) == "attempted"
    capture = {"amount": 50_000, "currency": "INR"}
    assert api.post(f"/v1/payments/{payment['id']}/capture", capture).json()["status"] == "captured"
    assert order_status(api, order) == "paid"
    again = api.post(f"/v1/payments/{payment['id']}/capture", capture)
    assert again.json()["error"]["description"] == "This payment has already been captured"


@pytest.mark.parametrize("amount", [49_999, 50_001])
def test_only_the_whole_amount_is_captured(api, refused, amount):
    payment = api.pay(api.order(payment_capture=False))["payment"]
    answer = api.post(f"/v1/payments/{payment['id']}/capture", {"amount": amount, "currency": "INR"})
    assert refused(answer) == (400, "BAD_REQUEST_ERROR", "amount")


def test_captures_racing_for_one_payment_capture_it_once(api):
    payment = api.pay(api.order(payment_capture=False))["payment"]
    barrier, statuses = threading.Barrier(5), []

    def race():
        barrier.wait()
        statuses.append(api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 50_000}).status_code)

    threads = [threading.Thread(target=race) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 400, 400, 400, 400]


def test_a_payment_nobody_captures_goes_back_after_three_days(api, simulator):
    payment = api.pay(api.order(payment_capture=False))["payment"]
    simulator.world.shift_clock(3 * 86_400 + 1)
    eventually(lambda: api.payment(payment["id"])["status"] == "refunded")
    assert api.payment(payment["id"])["captured"] is False


def test_a_failed_attempt_leaves_the_order_open_for_another(api, told):
    order = api.order()
    failed = api.pay(order, outcome="fail")
    assert failed["payment"]["error_reason"] == "payment_failed"
    assert failed["callback"]["error[code]"] == "BAD_REQUEST_ERROR"
    assert order_status(api, order) == "attempted"
    paid = api.pay(order)["payment"]
    assert api.get(f"/v1/orders/{order['id']}").json()["attempts"] == 2
    found = api.get(f"/v1/orders/{order['id']}/payments").json()["items"]
    assert [payment["status"] for payment in found] == ["captured", "failed"]
    assert paid["id"] != failed["payment"]["id"]
    assert sorted(told.names(4)) == ["order.paid", "payment.authorized", "payment.captured", "payment.failed"]


def test_an_order_is_paid_once(api, http):
    order = api.order()
    api.pay(order)
    assert http.post(f"/_sim/razorpay/orders/{order['id']}/pay").status_code == 409


def test_payers_racing_for_one_order_pay_it_once(api, http):
    order = api.order()
    barrier, statuses = threading.Barrier(5), []

    def race():
        barrier.wait()
        statuses.append(http.post(f"/_sim/razorpay/orders/{order['id']}/pay").status_code)

    threads = [threading.Thread(target=race) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    captured = [p for p in api.get(f"/v1/orders/{order['id']}/payments").json()["items"] if p["captured"]]
    assert len(captured) == 1


@pytest.mark.parametrize(("script", "ends"), [("failed_then_authorized", "authorized"), ("late_success", "captured")])
def test_a_failed_payment_may_turn_out_to_have_been_authorized(api, simulator, script, ends):
    api.choose("pay", script)
    payment = api.pay(api.order())["payment"]
    assert payment["status"] == "failed"
    simulator.world.shift_clock(61)
    eventually(lambda: api.payment(payment["id"])["status"] == ends)
    assert api.payment(payment["id"])["error_code"] is None


def test_a_late_authorization_of_a_paid_order_cannot_be_captured(api, http):
    order = api.order()
    late = api.pay(order, outcome="fail")["payment"]
    api.pay(order)
    http.post(f"/_sim/razorpay/payments/{late['id']}/authorize", json={"capture": True}).raise_for_status()
    assert api.payment(late["id"])["status"] == "authorized"
    answer = api.post(f"/v1/payments/{late['id']}/capture", {"amount": 50_000})
    assert "paid by another payment" in answer.json()["error"]["description"]


def test_a_payment_that_did_not_fail_cannot_be_authorized_late(api, http):
    payment = api.captured()
    assert http.post(f"/_sim/razorpay/payments/{payment['id']}/authorize").status_code == 409


def test_a_script_may_be_bound_to_the_ending_of_a_receipt_or_a_upi_address(api, http):
    for ending in ("-77", "@poor"):
        document = {"face": "razorpay", "ending": ending, "script": "declined"}
        http.post("/_sim/magic", json=document).raise_for_status()
    assert api.pay(api.order(receipt="ORD-77"))["payment"]["status"] == "failed"
    assert api.pay(api.order(), vpa="payer@poor")["payment"]["status"] == "failed"
    assert api.pay(api.order(), vpa="failure@razorpay")["payment"]["status"] == "failed"
    assert api.pay(api.order(), vpa="payer@rich", method="upi")["payment"]["status"] == "captured"


@pytest.mark.parametrize("how", [{"outcome": "maybe"}, {"method": "cheque"}])
def test_a_way_to_pay_that_does_not_exist_is_refused(api, http, how):
    assert http.post(f"/_sim/razorpay/orders/{api.order()['id']}/pay", json=how).status_code == 400


# Refunds


def refund(api, payment, amount=None, key=None, **more):
    document = {**({"amount": amount} if amount else {}), **more}
    headers = {"X-Refund-Idempotency": key} if key else None
    return api.post(f"/v1/payments/{payment['id']}/refund", document, headers)


def refund_status(api, made):
    return api.get(f"/v1/refunds/{made['id']}").json()["status"]


def test_a_payment_is_refunded_in_parts_and_never_beyond_itself(api, refused):
    payment = api.captured()
    made = refund(api, payment, 20_000).json()
    assert made["status"] == "pending"
    eventually(lambda: refund_status(api, made) == "processed")
    shown = api.payment(payment["id"])
    assert (shown["status"], shown["amount_refunded"], shown["refund_status"]) == ("captured", 20_000, "partial")
    assert refused(refund(api, payment, 30_001)) == (400, "BAD_REQUEST_ERROR", "amount")
    assert refund(api, payment).json()["amount"] == 30_000
    assert api.payment(payment["id"])["status"] == "refunded"
    assert "fully refunded" in refund(api, payment).json()["error"]["description"]


def test_refunds_racing_never_exceed_the_payment(api):
    payment = api.captured()
    threads = [threading.Thread(target=refund, args=(api, payment, 20_000)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert api.payment(payment["id"])["amount_refunded"] == 40_000


@pytest.mark.parametrize(("outcome", "left"), [("processed", 0), ("failed", 50_000)])
def test_a_pending_refund_ends_when_it_is_decided_and_only_once(api, http, simulator, outcome, left):
    simulator.world.settings.update({"razorpay_settles_after": 600})
    payment = api.captured()
    decision = f"/_sim/razorpay/refunds/{refund(api, payment).json()['id']}"
    assert http.post(f"{decision}/lost").status_code == 404
    assert http.post(f"{decision}/{outcome}").json()["status"] == outcome
    assert http.post(f"{decision}/processed").status_code == 409
    simulator.world.shift_clock(601)
    assert 50_000 - api.payment(payment["id"])["amount_refunded"] == left


def test_an_optimum_refund_is_instant_and_falls_back_when_it_cannot_be(api, told):
    payment = api.captured()
    told.calls(3)
    made = refund(api, payment, 10_000, speed="optimum").json()
    assert (made["status"], made["speed_processed"]) == ("processed", "instant")
    assert set(told.names(5)[3:]) == {"refund.created", "refund.processed"}
    api.choose("refund", "pending_then_succeeded")
    made = refund(api, payment, 10_000, speed="optimum").json()
    assert made["status"] == "pending"
    assert set(told.names(8)[5:]) == {"refund.created", "refund.speed_changed", "refund.processed"}
    assert api.get(f"/v1/refunds/{made['id']}").json()["speed_processed"] == "normal"


def test_a_refund_may_fail_and_the_payment_is_whole_again(api, told):
    payment = api.captured()
    api.choose("refund", "pending_then_failed")
    made = refund(api, payment).json()
    eventually(lambda: refund_status(api, made) == "failed")
    assert api.payment(payment["id"])["status"] == "captured"
    assert api.payment(payment["id"])["amount_refunded"] == 0
    assert "refund.failed" in told.names(5)


def test_a_refund_may_take_long(api, simulator):
    payment = api.captured()
    api.choose("refund", "late_success")
    made = refund(api, payment).json()
    simulator.world.shift_clock(30)
    assert refund_status(api, made) == "pending"
    simulator.world.shift_clock(31)
    eventually(lambda: refund_status(api, made) == "processed")


@pytest.mark.parametrize(
    ("document", "field"),
    [({"amount": 99}, "amount"), ({"speed": "fast"}, "speed"), ({"colour": 1}, "colour"), ({"receipt": 5}, "receipt")],
)
def test_a_refund_that_breaks_a_rule_is_refused_by_field(api, refused, document, field):
    assert refused(api.post(f"/v1/payments/{api.captured()['id']}/refund", document))[2] == field


def test_only_captured_payments_of_the_last_six_months_are_refunded(api, simulator):
    authorized = api.pay(api.order(payment_capture=False))["payment"]
    assert "should be captured" in refund(api, authorized).json()["error"]["description"]
    payment = api.captured()
    simulator.world.shift_clock(183 * 86_400)
    assert "six months" in refund(api, payment).json()["error"]["description"]


def test_without_balance_nothing_is_refunded(api):
    payment = api.captured()
    api.choose("refund", "insufficient")
    assert "enough balance" in refund(api, payment).json()["error"]["description"]
    assert api.payment(payment["id"])["amount_refunded"] == 0


# Refunds under a key


def test_the_same_key_and_body_give_the_same_refund(api):
    payment = api.captured()
    first, second = (refund(api, payment, 10_000, "refund-0001").json() for _ in range(2))
    assert first == second
    assert api.payment(payment["id"])["amount_refunded"] == 10_000


def test_the_same_key_with_another_body_is_refused(api, refused):
    payment = api.captured()
    refund(api, payment, 10_000, "refund-0001")
    assert refused(refund(api, payment, 20_000, "refund-0001")) == (400, "BAD_REQUEST_ERROR", "X-Refund-Idempotency")


@pytest.mark.parametrize("key", ["short", "with space 1", "dollar$dollar"])
def test_a_key_has_a_form(api, refused, key):
    answer = refund(api, api.captured(), 10_000, key)
    assert refused(answer)[2] == "X-Refund-Idempotency"


def test_a_lost_answer_is_found_again_under_its_key(api):
    payment = api.captured()
    api.choose("refund", "drop_after")
    with pytest.raises(Exception, match="without sending"):
        refund(api, payment, 10_000, "refund-0001")
    assert refund(api, payment, 10_000, "refund-0001").status_code == 200
    assert api.payment(payment["id"])["amount_refunded"] == 10_000


def test_a_refused_request_leaves_its_key_free(api):
    payment = api.captured()
    assert refund(api, payment, 60_000, "refund-0001").status_code == 400
    assert refund(api, payment, 10_000, "refund-0001").status_code == 200


def test_while_a_request_is_worked_on_its_key_is_in_progress(api):
    payment = api.captured()
    api.choose("refund", "hang(3)")
    first = threading.Thread(target=refund, args=(api, payment, 10_000, "refund-0001"))
    first.start()
    eventually(lambda: api.payment(payment["id"])["amount_refunded"] == 10_000)
    assert refund(api, payment, 10_000, "refund-0001").status_code == 409
    first.join()
    assert refund(api, payment, 10_000, "refund-0001").status_code == 200


# Spoilt exchanges


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [("http_500", 500, "SERVER_ERROR"), ("http_429", 429, "BAD_REQUEST_ERROR")],
)
def test_an_exchange_may_be_spoilt_for_any_operation(api, refused, script, status, code):
    payment = api.captured()
    for operation, call in (
        ("orders", lambda: api.get("/v1/orders")),
        ("payments", lambda: api.get(f"/v1/payments/{payment['id']}")),
        ("refund", lambda: refund(api, payment, 10_000)),
    ):
        api.choose(operation, script)
        assert refused(call())[:2] == (status, code)
        assert call().status_code == 200


def test_a_gateway_may_answer_with_a_page(api):
    api.choose("orders", "html_error")
    answer = api.post("/v1/orders", {"amount": 50_000, "currency": "INR"})
    assert answer.headers["content-type"].startswith("text/html")


def test_reset_forgets_everything(api, http, told):
    api.captured()
    told.calls(3)
    http.post("/_sim/reset").raise_for_status()
    for path in ("/v1/orders", "/v1/payments", "/v1/refunds"):
        assert api.get(path).json()["count"] == 0
    assert http.get("/_sim/razorpay/webhooks").json() == {"items": []}
