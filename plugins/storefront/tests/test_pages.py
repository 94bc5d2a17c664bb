"""What the server prints: readable without JavaScript, safe with any title, and strict about what may run."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from marketcore.jobs.running import run_waiting
from marketcore.sample import load_sample
from marketcore_storefront.templating import live_address, page_policy
from marketcore_storefront.wording import clock_time, duration, money, span

from .house import kes

NOON = "2026-11-21T12:00:00Z"
HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' & </title>"


def directives(answer):
    """The page's policy, by directive."""
    policy = answer.headers["Content-Security-Policy"]
    return {name: values for name, *values in (part.split() for part in policy.split(";"))}


@pytest.fixture(scope="module")
def reader(house):
    """A browser that runs no scripts, as far as HTTP goes."""
    client = house.market.client()
    client.headers["Accept"] = "text/html"
    return client


def test_without_javascript_price_end_and_bids_are_there(house, visit):
    auction_id = house.auction("Kiondo", reserve=kes("5000.00"))
    (username, first), (_name, second) = house.bidder(), house.bidder()
    house.bid(first, auction_id, "1200.00")
    house.bid(second, auction_id, "1500.00")
    page = visit(java_script_enabled=False, viewport={"width": 360, "height": 800}).open(f"/auctions/{auction_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Kiondo")
    expect(page.locator("#price")).to_have_text("KES 1,225.00")
    expect(page.locator("#countdown")).to_have_text(re.compile("^(59:[0-9]{2}|1 h 0 min)$"))
    expect(page.locator("#reserve")).to_have_text("Reserve not met")
    expect(page.locator("#bids tbody tr")).to_have_count(2)
    expect(page.locator("#bids")).to_contain_text(f"{username[0]}***{username[-1]}")
    expect(page.locator(".panel noscript .banner")).to_be_visible()
    assert username not in page.content()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_lot_whose_clock_its_seller_holds_is_shown_while_it_stands(house, visit):
    auction_id = house.conducted("Djembe")
    page = visit().open(f"/auctions/{auction_id}")
    expect(page.locator("#end-label")).to_have_text("Ends when its seller says so")
    expect(page.locator("#countdown")).to_have_text("")
    for step, state in (("pause", "Paused"), ("resume", "Open")):
        house.conduct(step, auction_id)
        page.reload()
        expect(page.locator("#state")).to_have_text(state)


def test_a_page_runs_nothing_but_its_own_files(house, reader):
    for path in ("/", f"/auctions/{house.auction()}", "/auctions/999999999"):
        answer = reader.get(path)
        assert answer.headers["Content-Type"] == "text/html; charset=UTF-8"
        allowed = directives(answer)
        assert allowed["default-src"] == allowed["base-uri"] == allowed["frame-ancestors"] == ["'none'"]
        assert allowed["script-src"] == allowed["style-src"] == allowed["img-src"] == ["'self'"]
        assert allowed["connect-src"] == ["'self'", live_address(house.market.registry).rstrip("/")]
        assert not re.search(r"<style|\son\w+=|\sstyle=|<script(?![^>]* src=\"/storefront/)", answer.text)
        assert not re.search(r"(?:src|href)=\"(?!/|#)", answer.text)


def test_every_file_that_a_page_names_is_there(house, reader):
    page = reader.get(f"/auctions/{house.auction()}").text
    files = set(re.findall(r'"(/storefront/[^"]+|/static/[^"]+)"', page))
    seen: set[str] = set()
    while files - seen:
        path = (files - seen).pop()
        seen.add(path)
        answer = reader.get(path)
        assert answer.status_code == 200, path
        if path.endswith(".js"):
            named = re.findall(r'from "([^"]+)"', answer.text)
            files |= {str(answer.url.join(name).path) for name in named}
    assert {"/static/marketcore-live.js", "/storefront/bidding.js", "/storefront/storefront.css"} <= seen


def test_titles_are_shown_as_they_were_written(house, reader):
    page = reader.get(f"/auctions/{house.auction(HOSTILE)}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#34;quoted&#34; &#39;single&#39; &amp; &lt;/title&gt;" in page


def test_an_auction_that_is_not_there_is_a_page_for_people_and_a_problem_for_programs(house, reader):
    page = reader.get("/auctions/999999999")
    assert page.status_code == 404
    assert "This auction does not exist" in page.text
    program = reader.get("/auctions/999999999", headers={"Accept": "application/json"})
    assert program.status_code == 404
    assert program.headers["Content-Type"] == "application/problem+json"


def test_an_auction_that_was_cancelled_says_so(house, reader):
    auction_id = house.auction()
    house.done(house.seller.post(f"/api/v1/auctions/{auction_id}/cancellation"))
    page = reader.get(f"/auctions/{auction_id}").text
    assert "The seller has cancelled this auction" in page
    assert f"/auctions/{auction_id}" not in reader.get("/").text


def test_an_auction_that_has_not_started_says_when_it_will(house, reader):
    page = reader.get(
        f"/auctions/{house.auction(starts_at='2999-01-01T12:00:00Z', ends_at='2999-01-02T12:00:00Z')}"
    ).text
    assert "Not started" in page
    assert "Starts in" in page
    assert "1 Jan, 12:00 UTC" in page


def test_the_socket_is_looked_for_where_the_settings_say(house, reader):
    registry = house.market.registry
    sections = registry["settings_sections"]
    given = dict(sections["storefront"]), dict(sections["marketcore"])
    try:
        sections["storefront"]["live_url"] = "wss://live.example/socket/"
        assert "wss://live.example" in directives(reader.get("/"))["connect-src"]
        assert 'data-live="wss://live.example/socket/"' in reader.get("/").text
        sections["storefront"]["live_url"] = ""
        sections["marketcore"]["public_url"] = "https://shop.example"
        assert live_address(registry) == f"wss://shop.example:{sections['live']['port']}/"
    finally:
        sections["storefront"], sections["marketcore"] = given


def test_the_sample_has_running_auctions_with_pictures(make_market):
    market = make_market("auctions", "storefront")
    assert "6 running auctions" in market.perform(load_sample)
    run_waiting(market.registry)
    page = market.client().get("/").text
    assert page.count('class="card"') == len(re.findall('<img src="/media/images/[0-9a-f]{32}/thumb.webp"', page)) == 6


def test_pictures_from_elsewhere_are_allowed_where_the_settings_put_them():
    assert "img-src 'self' https://cdn.example;" in page_policy("ws://x:1/", "https://cdn.example/pictures")
    assert "img-src 'self';" in page_policy("ws://x:1/", "/media")


@pytest.mark.parametrize(
    ("amount", "words"), [("0.50", "KES 0.50"), ("999", "KES 999"), ("1234567.00", "KES 1,234,567.00")]
)
def test_amounts_are_grouped_and_never_rounded(amount, words):
    assert money({"amount": amount, "currency": "KES"}) == words


@pytest.mark.parametrize(
    ("until", "words"),
    [
        ("2026-11-21T11:59:00Z", "0:00"),
        ("2026-11-21T12:00:07Z", "0:07"),
        ("2026-11-21T12:59:59Z", "59:59"),
        ("2026-11-21T15:12:00Z", "3 h 12 min"),
        ("2026-11-23T16:30:00Z", "2 d 4 h"),
    ],
)
def test_what_is_left_is_said_in_two_units(until, words):
    assert span(NOON, until) == words


def test_times_and_durations_are_said_as_short_as_they_can_be():
    assert [duration(seconds) for seconds in (1, 90, 120, 3600, 7200)] == [
        "1 second",
        "90 seconds",
        "2 minutes",
        "1 hour",
        "2 hours",
    ]
    assert clock_time("2026-11-21T09:05:03Z", NOON) == "09:05:03"
    assert clock_time("2026-11-20T09:05:03+03:00", NOON) == "20 Nov, 06:05:03"
