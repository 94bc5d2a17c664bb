"""What a provider's word means for a payout, and who may do what about one in which state."""

from __future__ import annotations

from marketcore.exceptions import Forbidden, IllegalTransition
from marketcore.interfaces import Outcome
from marketcore.payouts.rules import RELEASED, STATE_OF, cancelled, decided
from marketcore.states import PAYOUT_OPEN, PayoutState


def test_a_provider_is_asked_from_the_approval_until_the_money_is_somewhere_for_good() -> None:
    settled = {"paid", "returned"} | RELEASED
    assert set(PayoutState) - settled - {"requested"} == PAYOUT_OPEN


def test_every_word_of_a_provider_means_something() -> None:
    assert set(STATE_OF) == set(Outcome)


def refused(call: object, *arguments: object, **named: object) -> type[Exception] | None:
    try:
        call(*arguments, **named)  # type: ignore[operator]
    except Exception as refusal:
        return type(refusal)
    return None


def test_admins_decide_about_others_and_payees_think_again_in_time() -> None:
    for state in PayoutState:
        may_approve, may_reject = state == "requested", state in ("requested", "approved")
        assert refused(decided, state, 1, 2, approve=True) is (None if may_approve else IllegalTransition)
        assert refused(decided, state, 1, 2, approve=False) is (None if may_reject else IllegalTransition)
        assert refused(decided, state, 1, 1, approve=True) is Forbidden
        assert refused(cancelled, state) is (None if state == "requested" else IllegalTransition)
