"""Refunds on their way through a provider."""

from __future__ import annotations

from typing import Any

from marketcore.interfaces import ProviderResult
from marketcore.payments.operations import Outgoing
from marketcore.refunds.attempts import SELECT, refund_attempt
from marketcore.refunds.rules import STATE_OF
from marketcore.refunds.services import RefundService
from marketcore.states import REFUND_OPEN, REFUND_TRANSITIONS, RefundState


def _settle(request: Any, row: Any, target: RefundState, result: ProviderResult) -> None:
    request.find_service(RefundService).settle(row, target, result)


def _may(row: Any, target: RefundState) -> bool:
    # The money of a replaced refund is on its way elsewhere: a late success of the first is for a person to look at.
    return not (target is RefundState.SUCCEEDED and row.replaced_by is not None)


REFUNDS = Outgoing(
    subject="refund",
    table="refunds",
    states=RefundState,
    waiting=RefundState.REQUESTED,
    open=REFUND_OPEN,
    transitions=REFUND_TRANSITIONS,
    state_of=STATE_OF,
    select=SELECT,
    attempt=refund_attempt,
    submit="refund",
    fetch="fetch_refund",
    settle=_settle,
    may=_may,
)
