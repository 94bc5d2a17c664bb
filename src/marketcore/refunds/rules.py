"""What a provider's word means for a refund. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from marketcore.interfaces import Outcome
from marketcore.states import RefundState

_R = RefundState
STATE_OF: Mapping[Outcome, RefundState] = {
    Outcome.SUCCEEDED: _R.SUCCEEDED,
    Outcome.PENDING: _R.PENDING,
    Outcome.AUTHORIZED: _R.PENDING,
    Outcome.NEEDS_ACTION: _R.PENDING,
    Outcome.DECLINED: _R.FAILED,
    Outcome.EXPIRED: _R.FAILED,
    Outcome.RETURNED: _R.FAILED,
    Outcome.NOT_ATTEMPTED: _R.REQUESTED,
    Outcome.UNKNOWN: _R.UNKNOWN,
}
