"""What orders, ledger and provider say of the same money, compared: each kind of difference, healed or written down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketcore.exceptions import MarketError
from marketcore.ledger.accounts import provider_fees
from marketcore.ledger.services import LedgerService
from marketcore.payments.operations import provider_called
from marketcore.reconciliation.services import reconcile_all, reconcile_provider


def compare(office):
    """Compare as on the next day, when the provider's list has everything."""
    office.market.travel("2 hours")
    return reconcile_all(office.market.registry)


def found(office, *, open_=True):
    rows = office.market.query("SELECT * FROM reconciliation_differences ORDER BY id")
    return [row for row in rows if (row.resolved_at is None) == open_]


def listed(office, **fields):
    """Let a purchase be paid and be in fakepay's list; return the payment and its line."""
    payment = office.buy()
    office.gateway.settle(payment, "captured")
    office.tell(payment, "captured")
    return payment, office.gateway.book(payment, **fields)


def booked_fees(office):
    account = provider_fees("KES")
    return office.market.perform(lambda request: request.find_service(LedgerService).balance(account)).posted_minor


def test_what_all_three_agree_about_is_no_difference(books):
    listed(books)
    listed(books)
    assert compare(books) == 0
    assert found(books) == found(books, open_=False) == []


@pytest.mark.parametrize("names", [("id",), ("reference",), ("receipt",)], ids=str)
def test_a_line_is_matched_by_any_name_that_both_know(books, names):
    _payment, line = listed(books)
    for name in {"id", "reference", "receipt"} - set(names):
        del line[name]
    assert compare(books) == 0


def test_an_attempt_that_never_ended_is_no_difference(books):
    books.buy()
    assert compare(books) == 0


def test_what_is_younger_than_the_providers_list_is_not_missed_there(books):
    listed(books)
    books.gateway.books.clear()
    assert reconcile_all(books.market.registry) == 0


def test_money_that_only_we_know_of_is_written_down(books):
    payment, _line = listed(books)
    books.gateway.books.clear()
    assert compare(books) == 1
    (difference,) = found(books)
    assert (difference.kind, difference.what) == ("only_here", f"payment:{payment['id']}")
    assert (difference.here_minor, difference.there_minor, difference.currency) == (50000, None, "KES")


def test_money_whose_report_was_lost_is_asked_about_and_is_no_difference(books):
    payment = books.buy()
    books.gateway.settle(payment, "captured")
    books.gateway.book(payment)
    assert compare(books) == 0
    assert books.row(payment).state == "captured"
    assert books.states(payment) == ["submitting", "pending", "captured"]
    assert (books.order().state, books.codes()) == ("paid", ["capture"])
    assert found(books) == []


def test_money_that_nobody_here_has_asked_for_is_written_down(books):
    payment = books.buy()
    books.gateway.settle(payment, "captured")
    line = books.gateway.book(payment, id="00000000-0000-4000-8000-000000000000", reference="r-1", receipt="R-1")
    assert line["receipt"] == "R-1"
    assert compare(books) == 1
    (difference,) = found(books)
    assert (difference.kind, difference.what) == ("only_there", "payment:R-1")
    assert (difference.here_minor, difference.there_minor) == (None, 50000)


def test_money_of_another_amount_is_written_down_with_both(books):
    payment, line = listed(books)
    line["minor"] = 49000
    assert compare(books) == 1
    (difference,) = found(books)
    assert (difference.kind, difference.what) == ("amount", f"payment:{payment['id']}")
    assert (difference.here_minor, difference.there_minor) == (50000, 49000)


def test_a_fee_is_booked_once_however_often_it_is_listed(books):
    listed(books, fee=1450)
    listed(books, fee=50)
    listed(books, fee=0)
    for _day in range(3):
        assert compare(books) == 0
        assert booked_fees(books) == 1500
    assert books.codes().count("provider_fee") == 2


def test_what_the_ledger_has_booked_otherwise_is_written_down(books):
    payment, line = listed(books)
    books.market.query("UPDATE payments SET received_minor = 50001 WHERE id = :id", id=payment["id"])
    line["minor"] = 50001
    assert compare(books) == 1
    (difference,) = found(books)
    assert (difference.kind, difference.here_minor, difference.there_minor) == ("ledger", 50001, 50000)
    books.market.query("UPDATE payments SET received_minor = 50000 WHERE id = :id", id=payment["id"])


def test_refunds_are_compared_as_payments_are(books):
    payment, _line = listed(books)
    refund = books.refunded("100.00")
    assert refund["state"] == "succeeded", refund
    back = {"kind": "refund", "id": refund["id"], "minor": 10000, "reference": f"ref-{refund['id']}"}
    line = books.gateway.book(payment, **back, receipt=None)
    del line["receipt"]
    assert compare(books) == 0
    line["minor"] = 9000
    assert compare(books) == 1
    assert [(row.kind, row.what) for row in found(books)] == [("amount", f"refund:{refund['id']}")]


def test_a_difference_has_one_row_from_when_it_is_seen_until_it_is_gone(books):
    _payment, line = listed(books)
    line["minor"] = 49000
    assert (compare(books), compare(books)) == (1, 1)
    (difference,) = found(books)
    assert difference.last_seen_at > difference.first_seen_at
    line["minor"] = 50000
    assert compare(books) == 0
    (resolved,) = found(books, open_=False)
    assert (resolved.id, found(books)) == (difference.id, [])
    line["minor"] = 48000
    assert compare(books) == 1
    assert found(books)[0].id > difference.id


def test_an_old_difference_is_looked_at_until_it_is_gone_although_the_window_has_passed(books):
    _payment, line = listed(books)
    line["minor"] = 49000
    assert compare(books) == 1
    books.market.travel("10 days")
    assert reconcile_all(books.market.registry) == 1
    line["minor"] = 50000
    assert reconcile_all(books.market.registry) == 0


def test_what_came_to_an_end_at_the_edge_of_the_days_compared_is_neither_missed_nor_strange(books):
    """The provider's clock and ours, and its report and our hearing of it, lie on two sides of the edge."""
    payment, line = listed(books)
    for here, there in (("46 hours 10 minutes", "45 hours 50 minutes"), ("45 hours 50 minutes", "46 hours 10 minutes")):
        line["at"] = (datetime.now(UTC) - _hours(there)).isoformat()
        books.market.query(
            "UPDATE payments SET updated_at = now() - CAST(:ago AS interval) WHERE id = :id", id=payment["id"], ago=here
        )
        assert compare(books) == 0, (here, there)


def _hours(text):
    hours, _word, minutes, _word = text.split()
    return timedelta(hours=int(hours), minutes=int(minutes))


def test_a_payment_that_is_reported_again_days_later_is_not_missed_in_the_list_of_that_day(books):
    payment, line = listed(books)
    line["at"] = (datetime.now(UTC) - timedelta(days=5)).isoformat()
    books.market.query("UPDATE payments SET updated_at = now() - interval '5 days' WHERE id = :id", id=payment["id"])
    books.tell(payment, "captured")
    books.market.travel("10 hours")
    assert reconcile_all(books.market.registry) == 0


def test_statements_that_cannot_be_read_resolve_nothing_and_are_told(books):
    _payment, line = listed(books)
    line["minor"] = 49000
    assert compare(books) == 1
    kept, books.gateway.books = books.gateway.books, None
    with pytest.raises(MarketError, match="fakepay"):
        reconcile_all(books.market.registry)
    assert len(found(books)) == 1
    books.gateway.books = kept


def test_a_provider_without_a_list_is_not_compared(make_books):
    office = make_books({"fakepay__features": "refund"})
    listed(office, minor=1)
    assert compare(office) == 0
    with pytest.raises(MarketError, match="does not list"):
        reconcile_provider(office.market.registry, provider_called(office.market.registry, "fakepay"))
