"""The contract of providers that pay people out, as tests: subclass, override the fixtures, run."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, Protocol

import pytest

from marketcore.ledger.verify import verify
from marketcore.testing.contracts import at_once, background_round
from marketcore.testing.market import Market
from marketcore.testing.shop import Shop, money_arrives

PAYOUT_SCRIPTS = ("ok", "http_500", "http_429", "drop_before", "drop_after", "hang", "html_error")
ENDED = {"paid", "failed", "rejected", "returned"}
OPEN = {"approved", "submitting", "sent", "unknown"}


class PayoutGateway(Protocol):
    """The provider's side, scripted."""

    def script_payout(self, name: str) -> None:
        """Let the next payout follow the failure script ``name`` (one of ``PAYOUT_SCRIPTS``)."""
        ...

    def finish_payout(self, payout: dict[str, Any], *, well: bool = True) -> None:
        """Let a recorded payout end; nothing to do where the gateway ends it at once."""
        ...

    def payouts(self) -> int:
        """Return how many payouts the gateway has recorded."""
        ...


class PayoutProviderContract:
    """Subclass it as ``TestMyPayouts``, set ``provider`` and override ``market``, ``gateway`` and ``details``.

    ``enroll`` may be overridden where a destination needs more than its details before it can be paid to.
    """

    provider = ""
    currency = "KES"
    price = "1000.00"

    @pytest.fixture
    def market(self) -> Market:
        """Return a served marketplace with the provider under test."""
        raise NotImplementedError("override the fixture 'market' in the subclass")

    @pytest.fixture
    def gateway(self) -> PayoutGateway:
        """Return the scripted gateway the provider talks to."""
        raise NotImplementedError("override the fixture 'gateway' in the subclass")

    @pytest.fixture
    def details(self) -> dict[str, Any]:
        """Return the fields of a destination."""
        return {}

    @pytest.fixture(autouse=True)
    def books_are_clean(self, market: Market) -> Iterator[None]:
        """After each test the ledger adds up."""
        yield
        with market.registry["engine"].connect() as connection:
            assert verify(connection) == []

    def enroll(self, earner: Earner, gateway: PayoutGateway) -> None:
        """Bring the earner's destination into the state ``active``."""
        background_round(earner.shop.market)

    @pytest.fixture
    def earner(self, market: Market, gateway: PayoutGateway, details: dict[str, Any]) -> Earner:
        """Return a seller with earnings and an active destination."""
        earner = Earner(Shop(market, price=self.price, currency=self.currency), self.provider, details)
        self.enroll(earner, gateway)
        assert earner.read_destination()["state"] == "active"
        return earner

    def test_earnings_are_paid_out_once_approved(self, earner: Earner, gateway: PayoutGateway) -> None:
        payout = earner.request()
        background_round(earner.shop.market)
        assert gateway.payouts() == 0, "it left without anybody's approval"
        earner.approve(payout)
        background_round(earner.shop.market)
        gateway.finish_payout(payout)
        assert earner.ended(payout) == "paid"
        assert gateway.payouts() == 1
        assert earner.available() == 0

    def test_a_failed_payout_gives_the_money_back_to_be_requested_again(
        self, earner: Earner, gateway: PayoutGateway
    ) -> None:
        before = earner.available()
        payout = earner.approve(earner.request())
        background_round(earner.shop.market)
        gateway.finish_payout(payout, well=False)
        state = earner.ended(payout)
        assert state in ("failed", "paid", "returned")
        assert earner.available() == (0 if state == "paid" else before)

    def test_requests_for_everything_at_one_instant_reserve_it_once(
        self, earner: Earner, gateway: PayoutGateway
    ) -> None:
        answers = at_once([earner.send] * 8)
        codes = [answer.status_code for answer in answers]
        assert sorted(codes)[0] < 300
        assert sum(code < 300 for code in codes) == 1
        assert all(400 <= code < 500 for code in sorted(codes)[1:])
        assert gateway.payouts() == 0

    def test_hands_that_reach_for_one_payout_together_send_it_once(
        self, earner: Earner, gateway: PayoutGateway
    ) -> None:
        earner.approve(earner.request())
        at_once([lambda: background_round(earner.shop.market)] * 4)
        assert gateway.payouts() == 1

    @pytest.mark.parametrize("script", PAYOUT_SCRIPTS)
    def test_whatever_goes_wrong_a_payout_leaves_at_most_once(
        self, earner: Earner, gateway: PayoutGateway, script: str
    ) -> None:
        gateway.script_payout(script)
        payout = earner.approve(earner.request())
        for _ in range(4):
            background_round(earner.shop.market)
        if gateway.payouts():
            gateway.finish_payout(payout)
            assert earner.ended(payout) == "paid"
        state = earner.read(payout)["state"]
        assert gateway.payouts() <= 1, "it was paid twice"
        assert state in ENDED | OPEN
        assert (state == "paid") == bool(gateway.payouts())
        assert (earner.available() == 0) == (state in OPEN | {"paid"})


class Earner:
    """A seller whose order is completed, and a destination."""

    def __init__(self, shop: Shop, provider: str, details: dict[str, Any]) -> None:
        self.shop = shop
        assert money_arrives(shop.market, shop.checkout["id"])
        for step in ("confirmed", "packed"):
            shop.step(shop.seller, step)
        shop.step(shop.seller, "shipped", carrier="G4S")
        shop.step(shop.buyer, "delivered")
        wish = {"provider": provider, "label": "mine", "details": details}
        self.destination = _ok(shop.seller.post("/api/v1/payout-destinations", json=wish))
        self._amount = self.balance()["available"]

    def balance(self) -> dict[str, Any]:
        """Return the seller's balances in the currency of the sale."""
        total = self.shop.read_order()["total"]["currency"]
        items = _ok(self.shop.seller.get("/api/v1/balances"))["items"]
        found: dict[str, Any] = next(item for item in items if item["currency"] == total)
        return found

    def available(self) -> int:
        """Return what the seller could request now, in minor units."""
        amount: str = self.balance()["available"]["amount"]
        return int(amount.replace(".", ""))

    def send(self) -> Any:
        """Send a request for everything that was earned."""
        with self.shop.market.client(self.shop.seller_user["access"]) as http:
            return http.post("/api/v1/payouts", json=self._wish())

    def request(self) -> dict[str, Any]:
        """Request everything that was earned."""
        return _ok(self.shop.seller.post("/api/v1/payouts", json=self._wish()))

    def approve(self, payout: dict[str, Any]) -> dict[str, Any]:
        """Let an admin approve a payout."""
        return _ok(self.shop.admin().post(f"/api/v1/payouts/{payout['id']}/decision", json={"approve": True}))

    def read(self, payout: dict[str, Any]) -> dict[str, Any]:
        """Return a payout as it stands."""
        return _ok(self.shop.seller.get(f"/api/v1/payouts/{payout['id']}"))

    def read_destination(self) -> dict[str, Any]:
        """Return the destination as it stands."""
        return _ok(self.shop.seller.get(f"/api/v1/payout-destinations/{self.destination['id']}"))

    def ended(self, payout: dict[str, Any], *, within: float = 20) -> str:
        """Do the platform's background work until the payout has ended; return its state."""
        return self._await(lambda: self.read(payout)["state"], ENDED, within)

    def returned(self, payout: dict[str, Any], *, within: float = 20) -> bool:
        """Do the platform's background work until a paid payout has come back; return whether it has."""
        return self._await(lambda: self.read(payout)["state"], {"returned"}, within) == "returned"

    def destination_becomes(self, state: str, *, within: float = 20) -> bool:
        """Do the platform's background work until the destination is in ``state``; return whether it is."""
        return self._await(lambda: self.read_destination()["state"], {state}, within) == state

    def _await(self, read: Callable[[], str], wanted: Collection[str], within: float) -> str:
        deadline = time.monotonic() + within
        while True:
            state = read()
            if state in wanted or time.monotonic() > deadline:
                return state
            background_round(self.shop.market)
            time.sleep(0.05)

    def _wish(self) -> dict[str, Any]:
        return {"destination_id": self.destination["id"], "amount": self._amount, "source": "earnings"}


def _ok(answer: Any) -> dict[str, Any]:
    assert answer.status_code < 300, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    document: dict[str, Any] = answer.json()
    return document
