"""Payouts on their way through a provider."""

from __future__ import annotations

from typing import Any

from marketcore.interfaces import ProviderResult
from marketcore.payments.operations import Outgoing
from marketcore.payouts.attempts import SELECT, payout_attempt
from marketcore.payouts.rules import STATE_OF
from marketcore.payouts.services import PayoutService
from marketcore.states import PAYOUT_OPEN, PAYOUT_TRANSITIONS, PayoutState


def _settle(request: Any, row: Any, target: PayoutState, result: ProviderResult) -> None:
    request.find_service(PayoutService).settle(row, target, result)


PAYOUTS = Outgoing(
    subject="payout",
    table="payouts",
    states=PayoutState,
    waiting=PayoutState.APPROVED,
    open=PAYOUT_OPEN,
    transitions=PAYOUT_TRANSITIONS,
    state_of=STATE_OF,
    select=SELECT,
    attempt=payout_attempt,
    submit="pay_out",
    fetch="fetch_payout",
    settle=_settle,
)
