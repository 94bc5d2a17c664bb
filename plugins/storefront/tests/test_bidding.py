"""Two people, two browsers, one auction: what each of them sees, and when."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from marketcore_storefront import wording

from .house import kes, soon

SECOND = 1000
AMOUNTS = [kes(amount) for amount in ("0.05", "999.00", "1000.00", "12345678.90")] + [
    {"amount": "90071992547409931234", "currency": "JPY"}
]
SPANS = [0, 7, 59, 60, 3599, 3600, 11_520, 86_399, 86_400, 200_000]
TYPED = {"1500": "1500", " 1,500 ": "1500", "12,345.50": "12345.50", "1500,50": "1500.50", "1,2,3": "1,2,3", "x": "x"}


def seconds_shown(page):
    """The countdown, in seconds."""
    minutes, seconds = page.locator("#countdown").inner_text().split(":")
    return int(minutes) * 60 + int(seconds)


def left(house, auction_id):
    """The same by the database's clock."""
    ((seconds,),) = house.market.query(
        "SELECT extract(epoch FROM ends_at - market_clock()) FROM auctions_standings WHERE listing_id = :id",
        id=auction_id,
    )
    return float(seconds)


def rows(page):
    """The bids that a page shows, newest first."""
    return [int(row.get_attribute("data-seq")) for row in page.locator("#bids tbody tr").all()]


@pytest.fixture(scope="module")
def pair(house, gateway, visit):
    """Two visitors whose clocks are wrong by minutes, signed in."""
    people = visit(), visit()
    for visitor, minutes in zip(people, (7, -9), strict=True):
        visitor.set_clock(minutes)
        visitor.open("/")
        visitor.sign_in(house.bidder()[0])
    return people


@pytest.fixture
def before(pair):
    """Return ``before(auction_id)``: the two of them look at it; their pages."""

    def pages(auction_id):
        for visitor in pair:
            visitor.open(f"/auctions/{auction_id}")
            expect(visitor.page.locator("#connection")).to_contain_text("Live")
        return [visitor.page for visitor in pair]

    return pages


def test_two_people_bid_against_each_other_over_a_gateway_that_dies(house, gateway, pair, before):
    one, other = pair
    auction_id = house.auction("Ngoma drum", duration_minutes=50)
    first, second = before(auction_id)
    for page in (first, second):
        assert abs(seconds_shown(page) - left(house, auction_id)) < 3
    assert first.locator("#maximum").input_value() == "1000.00"
    one.bid("1,500")
    expect(first.locator("#standing")).to_have_text("You are the highest bidder")
    expect(first.locator("#bid-hint")).to_contain_text("KES 1,500.00")
    expect(second.locator("#bid-count")).to_have_text("1 bid")
    other.bid("2000")
    expect(second.locator("#standing")).to_have_text("You are the highest bidder")
    expect(first.locator("#standing")).to_have_text("You have been outbid")
    expect(first.locator("#news")).to_contain_text("You have been outbid. The next bid is KES")
    expect(first.locator("#price")).to_have_text(second.locator("#price").inner_text())
    expect(first.locator("#bids .you")).to_have_count(1)
    gateway.kill()
    for page in (first, second):
        expect(page.locator("#connection")).to_contain_text("Reconnecting")
    one.bid("3000")
    expect(first.locator("#standing")).to_have_text("You are the highest bidder")
    house.bid(house.bidder()[1], auction_id, "3500.00")
    gateway.start()
    for page in (first, second):
        expect(page.locator("#connection")).to_contain_text("Live", timeout=20 * SECOND)
        expect(page.locator("#standing")).to_have_text("You have been outbid")
        expect(page.locator("#bid-count")).to_have_text("4 bids")
        assert rows(page) == [bid["seq"] for bid in house.bids(auction_id)]
        assert abs(seconds_shown(page) - left(house, auction_id)) < 3


def test_a_refused_bid_is_explained_beside_its_field_and_changes_nothing(house, pair, before):
    one = pair[0]
    auction_id = house.auction(buy_now=kes("9000.00"))
    first, second = before(auction_id)
    for amount, why in (("999", "Too low: bid KES 1,000.00 or more."), ("1000.001", "decimals"), ("lots", "amount")):
        one.bid(amount)
        expect(first.locator("#bid-fault")).to_contain_text(why)
        expect(first.locator("#maximum")).to_have_attribute("aria-invalid", "true")
        expect(first.locator("#maximum")).to_be_focused()
    assert house.bids(auction_id) == []
    one.bid("1000")
    expect(first.locator("#standing")).to_have_text("You are the highest bidder")
    expect(first.locator("#bid-fault")).to_be_hidden()
    one.bid("900")
    expect(first.locator("#bid-fault")).to_have_text("You lead already, up to KES 1,000.00. Bid more than that.")
    expect(second.locator("#price")).to_have_text("KES 1,000.00")
    expect(second.locator("#buy-now")).to_be_hidden()


def test_a_late_bid_moves_the_end_and_then_the_winner_and_the_loser_are_told(house, pair, before):
    one, other = pair
    terms = {"policy": "extend", "window_seconds": 60, "extend_seconds": 2, "cap_seconds": 3}
    auction_id = house.auction(ends_at=soon(10), soft_close=terms)
    first, second = before(auction_id)
    one.bid("1500")
    expect(second.locator("#extended")).to_have_text("Extended 1 ×")
    expect(second.locator("#extension")).to_contain_text("Extended: a late bid moved the end to")
    other.bid("4000")
    expect(first.locator("#standing")).to_have_text("You have been outbid")
    expect(first.locator("#state")).to_have_text("Ending…", timeout=15 * SECOND)
    assert -0.5 < -left(house, auction_id) < 3
    expect(first.locator("#bidding")).to_be_hidden()
    assert house.close_due() == 1
    expect(first.locator("#outcome h2")).to_have_text("Sold for KES 1,525.00 to another bidder")
    expect(second.locator("#outcome h2")).to_have_text("You won, for KES 1,525.00")
    ((order_id, checkout_id),) = house.market.query(
        "SELECT o.id, o.checkout_id FROM orders o JOIN auctions_awards a ON a.order_id = o.id WHERE auction_id = :id",
        id=auction_id,
    )
    for page in (second, before(auction_id)[1]):
        expect(page.locator("#outcome")).to_contain_text(f"Order{order_id}")
        expect(page.locator("#outcome")).to_contain_text(f"start a payment of checkout {checkout_id}.")
        expect(page.locator("#outcome dd").nth(2)).to_have_text(
            re.compile("[0-9]{1,2} [A-Z][a-z]+,? .*[0-9]{2}:[0-9]{2}")
        )
    expect(first.locator("#outcome h2")).to_have_text("Sold for KES 1,525.00 to another bidder")
    expect(first.locator("#countdown")).to_be_hidden()
    expect(first.locator("#extension")).to_be_hidden()


def test_buying_at_once_watching_and_signing_out(house, before):
    auction_id = house.auction(buy_now=kes("9000.00"))
    first, second = before(auction_id)
    first.get_by_role("button", name="Watch").click()
    expect(first.get_by_role("button", name="Watch")).to_have_attribute("aria-pressed", "true")
    first.get_by_role("button", name="Buy now for KES 9,000.00").click()
    first.get_by_role("button", name="Buy", exact=True).click()
    expect(first.locator("#outcome h2")).to_have_text("You won, for KES 9,000.00")
    expect(second.locator("#outcome h2")).to_have_text("Sold for KES 9,000.00")
    first.evaluate("""() => {
        const kept = JSON.parse(sessionStorage["marketcore.session"]);
        sessionStorage["marketcore.session"] = JSON.stringify({ ...kept, access: "expired" });
    }""")
    first.reload()
    expect(first.locator("#outcome h2")).to_have_text("You won, for KES 9,000.00")
    first.get_by_role("button", name="Sign out").click()
    expect(first.locator("#outcome h2")).to_have_text("Sold for KES 9,000.00")
    assert first.evaluate("sessionStorage.length") == 0


def test_scripts_and_server_use_the_same_words(pair):
    words = pair[1].page.evaluate(
        """async ([amounts, spans, typed]) => {
            const { amountOf, money, span } = await import("/storefront/words.js");
            return [amounts.map(money), spans.map((seconds) => span(seconds * 1000)), typed.map(amountOf)];
        }""",
        [AMOUNTS, SPANS, list(TYPED)],
    )
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    ends = [(noon + timedelta(seconds=seconds)).isoformat() for seconds in SPANS]
    assert words[0] == [wording.money(amount) for amount in AMOUNTS]
    assert words[1] == [wording.span(noon.isoformat(), end) for end in ends]
    assert words[2] == list(TYPED.values())


def test_running_auctions_are_listed_in_pages_ending_soonest_first(house, visit, gateway):
    reader = house.market.client()
    late, next_one, middle = (house.auction(f"Lot {minutes}", duration_minutes=minutes) for minutes in (40, 20, 30))
    listed = [int(found) for found in re.findall('href="/auctions/([0-9]+)"', reader.get("/").text)]
    assert listed == [next_one, middle]
    page = visit(viewport={"width": 360, "height": 800}).open("/")
    house.bid(house.bidder()[1], next_one, "1000.00")
    expect(page.locator(".card").first.locator("[data-bids]")).to_have_text("1 bid")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("link", name="More auctions").click()
    expect(page.locator(".card").first.get_by_role("link")).to_have_text("Lot 40")
    assert page.locator(".card").first.get_attribute("data-auction") == str(late)
    assert reader.get("/?cursor=mangled").text.count('class="card"') == 2
