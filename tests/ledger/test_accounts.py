"""The chart of accounts and the ids that follow from the business."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from uuid import uuid4

import pytest

from marketcore.ledger import accounts
from marketcore.ledger.accounts import AccountRef, commission, order_held, provider_clearing, wallet
from marketcore.ledger.ids import business_id
from marketcore.ledger.transfers import Transfer

SOME_DAY = datetime(2030, 1, 1)


def sale(**changes: object) -> Transfer:
    given = {"debit": order_held(1, "KES"), "credit": commission("KES"), "minor": 5, "kind": "single"} | changes
    return Transfer(id=uuid4(), code="sale", ref_type="order", ref_id="1", **given)  # type: ignore[arg-type]


def test_an_accounts_id_is_the_same_in_another_process() -> None:
    program = "from marketcore.ledger.accounts import wallet; print(wallet(7, 'KES').id)"
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == str(wallet(7, "KES").id)


def test_accounts_that_differ_in_any_part_have_different_ids() -> None:
    refs = [
        wallet(1, "KES"),
        wallet(2, "KES"),
        wallet(1, "INR"),
        order_held(1, "KES"),
        accounts.seller_payable(1, "KES"),
    ]
    assert len({ref.id for ref in refs}) == len(refs)


def test_parts_of_a_business_id_cannot_run_into_each_other() -> None:
    ids = {business_id("a", "b", "c"), business_id("a", "bc"), business_id("ab", "c"), business_id("a", 'b","c')}
    assert len(ids) == 4
    assert business_id("sale", 1) == business_id("sale", "1")


@pytest.mark.parametrize(
    ("ref", "guard", "mode", "normal"),
    [
        (order_held(1, "KES"), "credit", "inline", "credit"),
        (wallet(1, "KES"), "credit", "inline", "credit"),
        (accounts.seller_payable(1, "KES"), "credit", "inline", "credit"),
        (accounts.seller_debt(1, "KES"), "none", "inline", "debit"),
        (commission("KES"), "none", "deferred", "credit"),
        (accounts.provider_fees("KES"), "none", "deferred", "debit"),
        (accounts.refund_due("KES"), "none", "deferred", "credit"),
        (accounts.unapplied_receipts("KES"), "none", "deferred", "credit"),
        (accounts.fx_rounding("KES"), "none", "deferred", "credit"),
        (provider_clearing("mpesa", "KES"), "none", "deferred", "debit"),
    ],
    ids=lambda value: value.purpose if isinstance(value, AccountRef) else None,
)
def test_each_purpose_has_its_guard_mode_and_normal_side(ref: AccountRef, guard: str, mode: str, normal: str) -> None:
    assert (ref.guard, ref.mode, ref.normal) == (guard, mode, normal)


def test_a_plugin_opens_accounts_of_its_own_purpose_by_stating_guard_and_mode() -> None:
    escrow = AccountRef("job", "42", "escrow", "KES", guard="credit", mode="inline")
    budget = AccountRef("job", "42", "budget", "KES", guard="debit", mode="inline")
    assert (escrow.normal, budget.normal) == ("credit", "debit")
    assert str(escrow) == "escrow of job 42 in KES"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"purpose": "escrow"}, "not in the chart of accounts"),
        ({"purpose": "escrow", "guard": "credit"}, "not in the chart of accounts"),
        ({"purpose": "escrow", "guard": "both", "mode": "inline"}, "not in the chart of accounts"),
        ({"purpose": "escrow", "guard": "credit", "mode": "deferred"}, "cannot be deferred"),
        ({"guard": "none"}, "leave both out"),
        ({"mode": "deferred"}, "leave both out"),
        ({"currency": "XXX"}, "not a known ISO 4217"),
        ({"owner_id": ""}, "1 to 60 characters"),
        ({"owner_type": "x" * 21}, "1 to 20 characters"),
        ({"purpose": "x" * 41, "guard": "none", "mode": "inline"}, "1 to 40 characters"),
    ],
)
def test_an_account_that_cannot_be_kept_is_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AccountRef(**{"owner_type": "user", "owner_id": "1", "purpose": "wallet", "currency": "KES"} | changes)


@pytest.mark.parametrize("minor", [1.0, True, "5", None])
def test_a_transfer_of_anything_but_whole_units_is_refused(minor: object) -> None:
    with pytest.raises(TypeError, match="whole minor units"):
        sale(minor=minor)


@pytest.mark.parametrize("minor", [0, -1, 2**63])
def test_a_transfer_of_nothing_of_less_or_of_too_much_is_refused(minor: int) -> None:
    with pytest.raises(ValueError):
        sale(minor=minor)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"credit": commission("INR")}, "links KES with INR"),
        ({"credit": order_held(1, "KES")}, "to itself"),
        ({"kind": "post"}, "use 'single' or 'pending'"),
        ({"expires_at": SOME_DAY}, "cannot expire"),
        ({"kind": "pending", "expires_at": SOME_DAY}, "no time zone"),
    ],
)
def test_a_transfer_that_makes_no_sense_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        sale(**changes)
