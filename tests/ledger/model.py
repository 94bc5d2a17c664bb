"""The ledger in plain Python: what the real one must agree with, step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from marketcore.exceptions import InsufficientFunds, MarketError
from marketcore.ledger.accounts import AccountRef
from marketcore.ledger.refusals import AlreadyPosted, AlreadyVoided, ExceedsHold, HoldExpired
from marketcore.ledger.transfers import Transfer

Totals = tuple[int, int, int, int]


@dataclass
class ModelHold:
    """A hold, how it ended (``post``, ``void`` or not yet) and the hour at which it expires."""

    transfer: Transfer
    expires: float
    ended: str | None = None


class Model:
    """Accounts as four totals each (debits and credits posted, debits and credits pending), and holds."""

    def __init__(self) -> None:
        self.totals: dict[AccountRef, Totals] = defaultdict(lambda: (0, 0, 0, 0))
        self.holds: dict[UUID, ModelHold] = {}
        self.hour = 0

    def transfer(self, transfers: Sequence[Transfer], hours: float | None = None) -> type[MarketError] | None:
        """Make all of ``transfers`` or say why not; holds among them expire in ``hours``."""
        before = dict(self.totals)
        for one in transfers:
            pending = one.kind == "pending"
            self._add(one, posted=0 if pending else one.minor, pending=one.minor if pending else 0)
        if not all(self._guarded(account) for one in transfers for account in (one.debit, one.credit)):
            self.totals.clear()
            self.totals.update(before)
            return InsufficientFunds
        expires = float("inf") if hours is None else self.hour + hours
        self.holds |= {one.id: ModelHold(one, expires) for one in transfers if one.kind == "pending"}
        return None

    def post(self, id: UUID, minor: int) -> type[MarketError] | None:
        """Use ``minor`` of a hold or say why not."""
        hold = self.holds[id]
        if hold.ended:
            return AlreadyPosted if hold.ended == "post" else AlreadyVoided
        if minor > hold.transfer.minor:
            return ExceedsHold
        if hold.expires <= self.hour:
            return HoldExpired
        hold.ended = "post"
        self._add(hold.transfer, posted=minor, pending=-hold.transfer.minor)
        return None

    def void(self, id: UUID) -> type[MarketError] | None:
        """Give a hold back or say why not."""
        hold = self.holds[id]
        if hold.ended:
            return AlreadyPosted if hold.ended == "post" else AlreadyVoided
        hold.ended = "void"
        self._add(hold.transfer, posted=0, pending=-hold.transfer.minor)
        return None

    def sweep(self, limit: int) -> int:
        """Void the ``limit`` holds that expired first; return how many there were."""
        due = [hold for hold in self.holds.values() if hold.ended is None and hold.expires <= self.hour]
        due = sorted(due, key=lambda hold: (hold.expires, hold.transfer.id))[:limit]
        for hold in due:
            self.void(hold.transfer.id)
        return len(due)

    def spendable(self, account: AccountRef) -> int:
        """Return what a credit account can still give."""
        debits, credits, reserved, _ = self.totals[account]
        return credits - debits - reserved

    def _add(self, one: Transfer, *, posted: int, pending: int) -> None:
        dp, cp, dh, ch = self.totals[one.debit]
        self.totals[one.debit] = (dp + posted, cp, dh + pending, ch)
        dp, cp, dh, ch = self.totals[one.credit]
        self.totals[one.credit] = (dp, cp + posted, dh, ch + pending)

    def _guarded(self, account: AccountRef) -> bool:
        return account.guard == "none" or self.spendable(account) >= 0
