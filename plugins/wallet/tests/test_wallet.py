"""Wallets over real HTTP: recharging, paying, being refunded to, and reading what happened."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from marketcore.db import migrate
from marketcore.disputes.services import DisputeService
from marketcore.exceptions import ConfigurationError, InsufficientFunds
from marketcore.interfaces import DisputeReport
from marketcore.ledger.accounts import AccountRef
from marketcore.ledger.refusals import AlreadyPosted, AlreadyVoided, ExceedsHold, HoldExpired, TransferDiffers
from marketcore.ledger.services import LedgerService
from marketcore.money import Money
from marketcore.plugins import migration_locations
from marketcore.testing.contracts import at_once
from marketcore.testing.shop import register
from marketcore_wallet.services import WalletService

from .people import admin, balance, fill

KES = {"amount": "300.00", "currency": "KES"}
ESCROW = AccountRef("test", "1", "escrow", "KES", guard="credit", mode="inline")


class Owner:
    """Somebody with a wallet."""

    def __init__(self, market):
        person = register(market, "buyer")
        self.market, self.id, self.http = market, person["user"]["id"], market.client(person["access"])

    def recharge(self, amount=KES):
        return self.http.post("/api/v1/wallet/recharges", json={"amount": amount})

    def pay(self, recharge, **options):
        body = {"purpose": "wallet_recharge", "reference": recharge["id"], **options}
        return self.http.post("/api/v1/payments", json=body)

    def confirm(self, payment):
        path = f"/api/v1/payments/{payment['id']}/confirmation"
        answer = admin(self.market).post(path, json={"amount": payment["amount"], "receipt": payment["code"]})
        assert answer.status_code == 200, answer.text

    def balance(self):
        return balance(self.market, self.id)

    def movements(self):
        items = self.http.get("/api/v1/wallet/history").json()["items"]
        return [(item["direction"], item["kind"], item["code"], item["amount"]["amount"]) for item in items]


@pytest.fixture
def owner(purses):
    return Owner(purses)


def test_K2_a_recharge_is_paid_by_another_provider_and_stands_in_the_wallet(owner):
    recharge = owner.recharge().json()
    assert (recharge["amount"], recharge["paid_at"]) == (KES, None)
    options = owner.http.get(f"/api/v1/payments/options?purpose=wallet_recharge&reference={recharge['id']}").json()
    assert [option["provider"] for option in options["options"]] == ["bank_transfer"]
    payment = owner.pay(recharge).json()
    assert (payment["provider"], payment["state"]) == ("bank_transfer", "pending")
    assert owner.balance() == (0, 0)
    owner.confirm(payment)
    assert owner.balance() == (30_000, 0)
    shown = owner.http.get(f"/api/v1/wallet/recharges/{recharge['id']}").json()
    assert (shown["payment_id"], shown["paid_at"] is not None) == (payment["id"], True)
    wallets = owner.http.get("/api/v1/wallet").json()["items"]
    assert wallets == [{"currency": "KES", "available": KES, "held": {"amount": "0.00", "currency": "KES"}}]
    assert owner.movements() == [("in", "single", "recharge", "300.00")]
    assert owner.pay(recharge).status_code == 409


def test_a_wallet_does_not_recharge_itself(owner):
    recharge = owner.recharge().json()
    fill(owner.market, owner.id, 99_999)
    refused = owner.pay(recharge, provider="wallet")
    assert (refused.status_code, "wallet cannot collect for this" in refused.text) == (422, True)
    assert owner.market.query("SELECT * FROM payments WHERE user_id = :id", id=owner.id) == []


def test_recharges_of_others_and_of_nobody_are_not_there(owner):
    recharge, stranger = owner.recharge().json(), Owner(owner.market)
    assert stranger.pay(recharge).status_code == 404
    assert stranger.http.get(f"/api/v1/wallet/recharges/{recharge['id']}").status_code == 404
    for reference in ("1", recharge["id"].upper(), recharge["id"].replace("-", "")):
        assert owner.pay({"id": reference}).status_code == 404, reference


def test_what_nobody_can_collect_is_refused_before_anything_is_written(make_market):
    owner = Owner(make_market("wallet", payments__route__KES="wallet", wallet__currencies="KES USD"))
    assert owner.recharge().json()["errors"].keys() == {"amount"}
    assert owner.recharge({"amount": "1.00", "currency": "EUR"}).json()["errors"].keys() == {"amount.currency"}
    assert owner.market.query("SELECT * FROM wallet_recharges") == []
    assert owner.http.get("/api/v1/wallet/history?currency=XXX").status_code == 422


def test_a_recharge_goes_back_as_far_as_it_is_still_there(owner):
    recharge = owner.recharge().json()
    path, boss = f"/api/v1/wallet/recharges/{recharge['id']}/refunds", admin(owner.market)
    assert boss.post(path, json={"reason": "asked for"}).status_code == 409
    owner.confirm(owner.pay(recharge).json())
    hold = reserve(owner, 12_000, "kept")
    assert owner.http.post(path, json={"reason": "mine"}).status_code == 403
    too_much = {"amount": {"amount": "180.01", "currency": "KES"}, "reason": "asked for"}
    assert boss.post(path, json=too_much).status_code == 409
    assert boss.post(path, json={"amount": {"amount": "1.00", "currency": "USD"}, "reason": "x"}).status_code == 422
    part = boss.post(path, json={"amount": {"amount": "50.00", "currency": "KES"}, "reason": "asked for"})
    assert (part.status_code, part.json()["state"], part.json()["target"]) == (201, "by_hand", "by_hand")
    rest = boss.post(path, json={"reason": "all there is"}).json()
    assert rest["amount"]["amount"] == "130.00"
    assert owner.balance() == (0, 12_000)
    owner.market.perform(lambda request: request.find_service(WalletService).release(hold))
    assert boss.post(path, json={"reason": "the rest"}).json()["amount"]["amount"] == "120.00"
    assert boss.post(path, json={"reason": "more"}).status_code == 409
    assert owner.http.get(f"/api/v1/wallet/recharges/{recharge['id']}").json()["refunded"] == KES


def test_a_contested_recharge_takes_what_is_still_there_and_gives_it_back_if_won(owner):
    recharge = owner.recharge().json()
    payment = owner.pay(recharge).json()
    owner.confirm(payment)
    reserve(owner, 12_000, "spent")

    def report(reference, state):
        claim = DisputeReport(reference, state, Money(30_000, "KES"), UUID(payment["id"]))
        owner.market.perform(lambda request: request.find_service(DisputeService).apply("bank_transfer", claim))
        return owner.balance()

    assert report("dp_1", "open") == (0, 12_000)
    assert report("dp_1", "won") == (18_000, 12_000)
    assert report("dp_2", "open") == (0, 12_000)
    assert report("dp_2", "lost") == (0, 12_000)
    shown = owner.http.get(f"/api/v1/wallet/recharges/{recharge['id']}").json()
    assert shown["refunded"]["amount"] == "180.00"


def test_K2_a_wallet_pays_and_a_cancelled_order_gives_back(shop):
    user = shop.buyer_user["user"]["id"]
    short = shop.pay({})
    assert (short["provider"], short["state"], short["reason"]) == ("wallet", "failed", "insufficient_funds")
    fill(shop.market, user, 60_000)
    assert shop.pay({})["state"] == "captured"
    shop.assert_paid_once()
    assert balance(shop.market, user) == (10_000, 0)
    shop.step(shop.seller, "cancelled")
    assert balance(shop.market, user) == (60_000, 0)
    codes = [item["code"] for item in shop.buyer.get("/api/v1/wallet/history").json()["items"]]
    assert codes == ["wallet_refund", "wallet_payment", "gift"]


def test_a_payment_by_another_provider_is_refunded_to_the_wallet(shop):
    body = {"purpose": "checkout", "reference": str(shop.checkout["id"]), "provider": "bank_transfer"}
    payment = shop.buyer.post("/api/v1/payments", json=body).json()
    assert payment["state"] == "pending"
    path = f"/api/v1/payments/{payment['id']}/confirmation"
    sent = {"amount": payment["amount"], "receipt": "FT2"}
    assert admin(shop.market).post(path, json=sent).status_code == 200
    refund = {"amount": {"amount": "120.00", "currency": "KES"}, "target": "wallet", "reason": "scratched"}
    answer = shop.seller.post(f"/api/v1/orders/{shop.order_id}/refunds", json=refund)
    assert (answer.status_code, answer.json()["state"]) == (201, "succeeded")
    assert balance(shop.market, shop.buyer_user["user"]["id"]) == (12_000, 0)
    shop.checkout = shop.check_out()
    assert shop.pay({})["reason"] == "insufficient_funds"


def test_money_for_an_order_that_is_gone_is_back_in_the_wallet_at_once(shop):
    fill(shop.market, shop.buyer_user["user"]["id"], 50_000)
    payments = shop.market.registry["payment_routing"].by_name("wallet")
    collect = payments.collect

    def cancel_first(request, attempt):
        shop.market.query("UPDATE orders SET state = 'cancelled' WHERE id = :id", id=shop.order_id)
        return collect(request, attempt)

    payments.collect = cancel_first
    try:
        payment = shop.pay({})
    finally:
        del payments.collect
    assert payment["state"] == "captured"
    assert balance(shop.market, shop.buyer_user["user"]["id"]) == (50_000, 0)
    refunds = shop.market.query("SELECT state, target FROM refunds WHERE payment_id = :id", id=payment["id"])
    assert refunds == [("succeeded", "original")]


def test_ten_requests_with_one_key_open_one_recharge_and_pay_once(owner):
    def recharge():
        with owner.market.client(owner.http.headers["Authorization"].split()[1]) as http:
            body, headers = {"amount": KES}, {"Idempotency-Key": "one-recharge-only"}
            return http.post("/api/v1/wallet/recharges", json=body, headers=headers)

    answers = at_once([recharge] * 10)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert owner.market.query("SELECT count(*) FROM wallet_recharges WHERE user_id = :id", id=owner.id) == [(1,)]
    assert recharge().json()["id"] in {answer.json().get("id") for answer in answers}


def test_K2_history_is_read_in_pages_that_end(owner):
    for minor in (1, 2, 3):
        fill(owner.market, owner.id, minor)
    seen, cursor = [], ""
    while cursor is not None:
        answer = owner.http.get(f"/api/v1/wallet/history?limit=2{cursor and '&cursor=' + cursor}").json()
        seen += [item["amount"]["amount"] for item in answer["items"]]
        cursor = answer["next"]
    assert seen == ["0.03", "0.02", "0.01"]
    first = owner.http.get("/api/v1/wallet/history?limit=2").json()["next"]
    assert owner.http.get(f"/api/v1/wallet/history?currency=USD&cursor={first}").status_code == 422


def reserve(owner, minor, *cause, **options):
    """Hold some of the owner's money for the escrow of this test; return the hold's id."""
    target = {"to": ESCROW, "ref_type": "test", "ref_id": "1", **options}
    return owner.market.perform(
        lambda request: request.find_service(WalletService).hold(
            owner.id, Money(minor, "KES"), (owner.id, *cause), **target
        )
    )


def test_K2_holds_reserve_once_and_are_deducted_or_released_once(owner):
    def service(act, *arguments):
        return owner.market.perform(lambda request: getattr(request.find_service(WalletService), act)(*arguments))

    fill(owner.market, owner.id, 1_000)
    hold = reserve(owner, 600, "bid", 7)
    assert reserve(owner, 600, "bid", 7) == hold
    assert owner.balance() == (400, 600)
    with pytest.raises(TransferDiffers):
        reserve(owner, 601, "bid", 7)
    with pytest.raises(InsufficientFunds):
        reserve(owner, 401, "bid", 8)
    with pytest.raises(ExceedsHold):
        service("deduct", hold, 601)
    service("deduct", hold, 250)
    service("deduct", hold, 250)
    assert owner.balance() == (750, 0)
    with pytest.raises(AlreadyPosted):
        service("release", hold)
    other = reserve(owner, 750, "bid", 9)
    service("release", other)
    service("release", other)
    with pytest.raises(AlreadyVoided):
        service("deduct", other)
    assert owner.balance() == (750, 0)
    kinds = [(direction, kind, amount) for direction, kind, _code, amount in owner.movements()]
    assert kinds[:4] == [
        ("out", "void", "7.50"),
        ("out", "pending", "7.50"),
        ("out", "post", "2.50"),
        ("out", "pending", "6.00"),
    ]


def test_a_hold_ends_with_its_lifetime(owner):
    fill(owner.market, owner.id, 500)
    hold = reserve(owner, 500, "bid", 1, lifetime=timedelta(minutes=5))
    owner.market.travel("6 minutes")
    with pytest.raises(HoldExpired):
        owner.market.perform(lambda request: request.find_service(WalletService).deduct(hold))
    owner.market.perform(lambda request: request.find_service(LedgerService).void_expired())
    owner.market.travel("0 minutes")
    assert owner.balance() == (500, 0)


def test_currencies_that_do_not_exist_stop_the_start(make_settings):
    from marketcore.testing.market import Market

    with pytest.raises(ConfigurationError, match=r"wallet\.currencies.*XXX is no ISO 4217 currency"):
        Market(make_settings("wallet", wallet__currencies="KES XXX"))


def test_the_migrations_go_down_and_up_again(make_settings):
    url = make_settings("wallet")["marketcore.database_url"]
    migrate.downgrade(url, "wallet@base", migration_locations())
    assert not migrate.is_current(url, ["wallet"], migration_locations())
    assert migrate.upgrade(url, ["wallet"], migration_locations()) == ["wallet_0001"]
