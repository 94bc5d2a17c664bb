"""Balances and the balance transactions they are the sum of, for the platform and each connected account."""

from typing import Any

from marketcore_simulator.stripe.store import Document, Store
from marketcore_simulator.world import World

_CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "transfer_refund": "transfer_reversal",
    "payout_failure": "payout_reversal",
}


class Ledger:
    """Post movements. A movement counts as available from its `available_on`, by the simulator's clock."""

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store
        self._movements: dict[str | None, list[Document]] = {}

    def post(
        self,
        kind: str,
        amount: int,
        source: Document,
        account: str | None = None,
        fee: int = 0,
        fee_type: str = "stripe_fee",
        available_on: int | None = None,
        category: str | None = None,
    ) -> Document:
        """Add one movement of `amount` minor units less `fee`, in the currency of its source, and return it."""
        now = int(self._world.clock.now().timestamp())
        movement: Document = {
            "id": f"txn_{self._world.ids.letters('txn', 24)}",
            "object": "balance_transaction",
            "amount": amount,
            "available_on": now if available_on is None else available_on,
            "balance_type": "payments",
            "created": now,
            "currency": source["currency"],
            "description": source.get("description"),
            "exchange_rate": None,
            "fee": fee,
            "fee_details": _fee_details(fee, fee_type, source["currency"]),
            "net": amount - fee,
            "reporting_category": category or _CATEGORIES.get(kind, kind),
            "source": source["id"],
            "status": "pending",
            "type": kind,
        }
        self._movements.setdefault(account, []).append(movement)
        return self._store.add(movement, account)

    def settle(self) -> None:
        """Mark what has become available by now."""
        now = self._world.clock.now().timestamp()
        for movements in self._movements.values():
            for movement in movements:
                movement["status"] = "available" if movement["available_on"] <= now else "pending"

    def available(self, account: str | None, currency: str) -> int:
        """Return what can be paid out or transferred now."""
        return self._sum(account, currency, "available")

    def total(self, account: str | None, currency: str) -> int:
        """Return what is available and what is still pending together."""
        return self._sum(account, currency, "available") + self._sum(account, currency, "pending")

    def charge_fee(self, amount: int) -> int:
        """Return what Stripe keeps of a charge, rounded half up."""
        settings = self._world.settings
        return min(amount, (amount * settings.stripe_fee_basis_points + 5000) // 10_000 + settings.stripe_fee_fixed)

    def funds_available_on(self, at_once: bool) -> int:
        """Return when the funds of a charge made now become available."""
        now = int(self._world.clock.now().timestamp())
        return now if at_once else now + int(self._world.settings.stripe_available_after)

    def balance(self, account: str | None) -> Document:
        """Return the balance object."""
        self.settle()
        currencies = sorted({movement["currency"] for movement in self._movements.get(account, [])}) or ["usd"]
        return {
            "object": "balance",
            "available": [self._line(account, currency, "available") for currency in currencies],
            "livemode": False,
            "pending": [self._line(account, currency, "pending") for currency in currencies],
        }

    def clear(self) -> None:
        """Forget every movement."""
        self._movements.clear()

    def _line(self, account: str | None, currency: str, status: str) -> dict[str, Any]:
        amount = self._sum(account, currency, status)
        return {"amount": amount, "currency": currency, "source_types": {"card": amount}}

    def _sum(self, account: str | None, currency: str, status: str) -> int:
        self.settle()
        return sum(
            movement["net"]
            for movement in self._movements.get(account, [])
            if movement["currency"] == currency and movement["status"] == status
        )


def _fee_details(fee: int, kind: str, currency: str) -> list[dict[str, Any]]:
    if not fee:
        return []
    described = {"stripe_fee": "Stripe processing fees", "application_fee": "Application fee"}
    return [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": described.get(kind, "Stripe fees"),
            "type": kind,
        }
    ]
