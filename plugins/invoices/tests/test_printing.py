"""What the PDF shows, whatever the texts are, and that it is made once."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from marketcore.web.json import present_money
from marketcore_invoices.rules import Kind, printed
from marketcore_invoices.services import PrintingService
from marketcore_invoices.typesetting import typeset

MOMENT = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
WORKER = """
import json, sys
from marketcore.config import configure
from marketcore.jobs.running import run_waiting
run_waiting(configure(json.loads(sys.argv[1])).registry)
"""


def content(titles=("Kiondo basket",), currency="KES", minor=50_000, **changes):
    amount = present_money(minor, currency)
    return {
        "issuer": {"name": "Soko Ltd", "address": ["P.O. Box 1", "Nairobi"], "tax_id": "P051234567X"},
        "issued_on": "2026-11-21",
        "refers_to": None,
        "seller": {"id": 7, "username": "asha", "name": "Asha Njeri", "address": []},
        "buyer": {"id": 8, "username": "wk", "name": "Wanjiku Kamau", "address": ["Moi Avenue 1", "Nairobi", "KE"]},
        "order": {"id": 5, "reference": "4df2cd09", "placed_on": "2026-11-20", "paid_on": "2026-11-21"},
        "lines": [{"title": title, "quantity": 2, "unit_price": amount, "total": amount} for title in titles],
        "total": amount,
        **changes,
    }


def pdf_of(*arguments, **named):
    return typeset(printed(Kind.INVOICE, "S7-2026-000042", content(*arguments, **named)), MOMENT)


def test_it_says_who_sold_what_to_whom_for_how_much(words_of):
    words = words_of(pdf_of())
    for text in (
        *("Invoice", "S7-2026-000042", "Soko Ltd", "P.O. Box 1", "Tax ID P051234567X", "2026-11-21", "2026-11-20"),
        *("Asha Njeri", "asha (account 7)", "Wanjiku Kamau", "Moi Avenue 1", "wk (account 8)", "4df2cd09"),
        *("1 Kiondo basket 2 500.00 KES 500.00 KES", "Total 500.00 KES", "Page 1 of 1"),
    ):
        assert text in words, text


@pytest.mark.parametrize(
    "title",
    [
        '#panic(1) #read("/etc/passwd") #sys.inputs',
        "*bold* _slanted_ $x^2$ = heading - item",
        "<label> @reference `code` ```raw``` // comment /* more */",
        'back\\slash \\u{41} "quoted" ~ nothing [block] #[content]',
        'https://example.test/?a=b&c #link("x")',
        "<script>alert(1)</script> {{ 7 * 7 }} %s {title}",
    ],
)
def test_markup_in_a_title_is_printed_as_it_was_written(words_of, title):
    assert f"1 {title} 2" in words_of(pdf_of([title], seller={**content()["seller"], "name": title}))


@pytest.mark.parametrize(
    "title",
    ["سلة هدية كبيرة من القش", "סל מתנה", "篮子 礼物 竹编", "बाँस की टोकरी", "\U0001f9fa\U0001f381 gift",
     "e\u0301\u0308\u0323" * 60, "\u202eevil\u202c \u200f\u200e\ufeff", "tab\tand\nline\r\nbreak\x01\x1f\x7f\uffff",
     " ", "A" * 200, "ﷺ" * 200],
)  # fmt: skip
def test_any_script_and_any_length_is_printed(words_of, title):
    words = words_of(pdf_of([title, "Last line"], buyer={**content()["buyer"], "name": title, "address": [title] * 5}))
    assert "2 Last line 2 500.00 KES 500.00 KES" in words
    assert "Total 500.00 KES" in words


def test_scripts_that_the_built_in_fonts_have_can_be_read_back(words_of):
    words = words_of(pdf_of(["żółć Größe ĳ Ωμέγα Корзина"]))
    assert "żółć Größe ĳ Ωμέγα Корзина" in words
    assert set("هدية") <= set(words_of(pdf_of(["هدية"])))


def test_a_long_word_is_broken_and_does_not_run_into_the_amounts(words_of):
    assert "A" * 200 in words_of(pdf_of(["A" * 200])).replace(" ", "")


def test_a_hundred_lines_go_over_pages_with_the_heading_of_the_table_on_each():
    reader = PdfReader(io.BytesIO(pdf_of([f"Thing number {number}" for number in range(1, 101)])))
    texts = [page.extract_text() for page in reader.pages]
    assert len(texts) > 1
    for place, text in enumerate(texts, 1):
        assert "Quantity" in text
        assert f"Page {place} of {len(texts)}" in text
        assert "S7-2026-000042" in text
    for number in range(1, 101):
        assert (
            sum(text.count(f"Thing number {number}\n") + text.count(f"Thing number {number} ") for text in texts) == 1
        )


@pytest.mark.parametrize(
    ("currency", "minor", "amount"),
    [("JPY", 1, "1 JPY"), ("KES", 1, "0.01 KES"), ("KWD", 1, "0.001 KWD"),
     ("JPY", 10**16 - 1, f"{10**16 - 1} JPY"), ("KWD", 2**63 - 1, "9223372036854775.807 KWD")],
)  # fmt: skip
def test_amounts_have_exactly_the_digits_of_their_currency(words_of, currency, minor, amount):
    assert f"2 {amount} {amount} Total {amount}" in words_of(pdf_of(currency=currency, minor=minor))


def test_the_same_document_is_the_same_file_byte_by_byte():
    assert pdf_of(["篮子", "żółć"]) == pdf_of(["篮子", "żółć"])
    assert pdf_of() != pdf_of(minor=50_001)


def test_the_job_makes_the_file_of_a_real_order(make_trade, words_of):
    trade = make_trade(price="750.000", currency="KWD")
    trade.pay_for()
    trade.run_jobs()
    invoice = trade.invoice(trade.seller)
    words = words_of(trade.seller.get(f"/api/v1/invoices/{invoice['id']}/pdf").content)
    for text in (invoice["number"], invoice["lines"][0]["title"], "Total 750.000 KWD", invoice["order"]["reference"]):
        assert text in words


def test_a_worker_that_is_killed_before_its_commit_leaves_nothing_and_the_next_one_makes_the_file(make_trade):
    paid = make_trade()
    paid.pay_for()
    environment = {**os.environ, "MARKETCORE_CRASH_AT": "jobs.before_commit"}
    command = [sys.executable, "-c", WORKER, json.dumps(paid.market.settings)]
    assert subprocess.run(command, env=environment, check=False, capture_output=True).returncode == -9
    assert paid.files() == []
    assert paid.run_jobs() == 0
    paid.market.travel("5 minutes")
    assert paid.run_jobs() == 1
    assert len(paid.files()) == 1


def test_making_a_file_again_changes_nothing(paid):
    paid.run_jobs()
    before = paid.files()
    for _again in range(2):
        paid.market.perform(lambda request: request.find_service(PrintingService).make(before[0].document_id))
    assert paid.files() == before
