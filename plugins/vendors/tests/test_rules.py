"""Charts, tables and spans, without a market."""

from __future__ import annotations

from datetime import date
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketcore.exceptions import Invalid
from marketcore_vendors.rules import period
from marketcore_vendors.rules.chart import LINES, PLOT_HEIGHT, Bar, column_chart, row_chart
from marketcore_vendors.rules.table import as_csv

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {f"{SVG}{tag}" for tag in ("svg", "title", "desc", "rect", "line", "text")}
BARS = st.lists(st.builds(Bar, st.text(max_size=20), st.integers(-5, 10**18)), max_size=12)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(title=st.text(max_size=30), bars=BARS)
def test_a_chart_is_well_formed_whatever_its_labels_say(title, bars):
    for draw in (column_chart, row_chart):
        drawn = ET.fromstring(draw(title, "about", bars, str))
        assert {element.tag for element in drawn.iter()} <= {
            f"{SVG}{tag}" for tag in ("svg title desc rect line text".split())
        }
        assert len(drawn.findall(f"{SVG}rect/{SVG}title")) == len(bars)
        assert all("." not in rect.get(name, "") for rect in drawn.findall(f"{SVG}rect") for name in ("x", "width"))


def test_columns_are_as_high_as_their_values_beside_readable_lines():
    drawn = ET.fromstring(column_chart("t", "d", [Bar("a", 0), Bar("b", 700), Bar("c", 1400)], str))
    heights = [int(rect.get("height")) for rect in drawn.findall(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]
    assert heights == [0, 700 * PLOT_HEIGHT // 2500, 1400 * PLOT_HEIGHT // 2500]
    labels = [text.text for text in drawn.findall(f"{SVG}text")]
    assert [str(500 * place) for place in range(LINES + 1)] == [label for label in labels if label.isdigit()]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "@SUM(A1)", "-2+3", "\tx", " =x", "\r=x"])
def test_a_cell_that_looks_like_a_formula_is_shown_as_text(cell):
    assert "'" + cell in as_csv(["a"], [[cell]])


def test_a_cell_that_is_no_formula_stays_as_it_is():
    assert as_csv(["a", "b"], [["x, “y”", -5], ["-0.01", 3]]) == 'a,b\r\n"x, “y”",-5\r\n-0.01,3\r\n'


@settings(deadline=None)
@given(st.dates(date(2001, 1, 1), date(2998, 1, 1)), st.integers(-5, 400))
def test_a_span_has_at_most_366_days(last, days):
    first = date.fromordinal(last.toordinal() - days)
    if 0 <= days <= 365:
        assert period(first, last, date(2026, 1, 1)) == (first, last)
    else:
        with pytest.raises(Invalid):
            period(first, last, date(2026, 1, 1))


def test_a_span_that_is_not_given_is_the_thirty_days_up_to_today():
    today = date(2026, 3, 1)
    assert period(None, None, today) == (date(2026, 1, 31), today)
    assert period(date(2026, 2, 28), None, today) == (date(2026, 2, 28), today)
    assert period(None, date(2000, 1, 2), today) == (date(2000, 1, 1), date(2000, 1, 2))
    assert period(date(2027, 1, 1), None, today) == (date(2027, 1, 1), date(2027, 1, 1))
