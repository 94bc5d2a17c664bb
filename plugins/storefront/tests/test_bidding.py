"""Two people, two browsers, one auction: what each of them sees, and when."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .house import soon

SECOND = 1000
SHIFTED = """
const ahead = MINUTES * 60000, RealDate = Date;
window.Date = class extends RealDate {
  constructor(...given) { given.length ? super(...given) : super(RealDate.now() + ahead); }
  static now() { return RealDate.now() + ahead; }
};
"""


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


@pytest.fixture
def pair(house, gateway, visit):
    """Two visitors whose clocks are wrong by minutes, signed in, before the same auction."""
    auction_id = house.auction("Ngoma drum", duration_minutes=50)
    one, other = visit(), visit()
    for visitor, minutes in ((one, 7), (other, -9)):
        visitor.context.add_init_script(SHIFTED.replace("MINUTES", str(minutes)))
        visitor.open(f"/auctions/{auction_id}")
        visitor.sign_in(house.bidder()[0])
    return auction_id, one, other


def test_two_people_bid_against_each_other_over_a_gateway_that_dies(house, gateway, pair):
    auction_id, one, other = pair
    first, second = one.page, other.page
    for page in (first, second):
        expect(page.locator("#connection")).to_contain_text("Live")
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
