"""What bidders and watchers find among their notifications and in their letters."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import pytest

from marketcore.directives import table
from marketcore.jobs.running import run_waiting
from marketcore.notifications.rendering import Templates
from marketcore.settings import section

HOSTILE = "<script>alert(1)</script>\r\nBcc: eve@example.com\r\n\r\n<b>"
DATA = {
    "auction_id": 1,
    "order_id": 2,
    "title": HOSTILE,
    "price": "1.00 KES",
    "due": "2026-01-01 10:00 UTC",
    "round": 1,
}


def notices(person):
    """Return (type, line, times) of the person's notifications, the newest first."""
    answer = person.http.get("/api/v1/users/me/notifications")
    assert answer.status_code == 200, answer.text
    return [(item["type"], item["line"], item["times"]) for item in answer.json()["items"]]


def letters(house, person):
    """Send what is due and what gathers, and return the letters to the person as (subject, text)."""
    house.market.query("UPDATE jobs SET run_at = market_clock() WHERE name = 'notifications.send_letter'")
    run_waiting(house.market.registry)
    folder = Path(section(house.market.registry, "marketcore")["data_dir"]) / "mail"
    found = []
    for file in sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns):
        letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if letter["To"] == f"{person.name}@example.test":
            found.append((letter["Subject"], letter.get_body(("plain",)).get_content()))
    return found


def test_M14_whoever_is_outbid_again_and_again_has_one_notification_and_one_letter(house):
    lot, other, (ann, ben) = house.publish(), house.publish(), house.people(2)
    for amount in (200, 400):
        ann.bid(lot, amount)
        ben.bid(lot, amount + 100)
        house.tell()
    ann.bid(other, 200)
    ben.bid(other, 900)
    house.tell()
    line = "Somebody bids more than you for “{}”: the price is {} KES."
    assert notices(ann) == [
        ("auction.outbid", line.format(other["title"], house.look(other)["price"]["amount"]), 1),
        ("auction.outbid", line.format(lot["title"], house.look(lot)["price"]["amount"]), 2),
    ]
    assert notices(ben) == []
    ((subject, text),) = letters(house, ann)
    assert subject == "You were outbid in several auctions"
    assert text.count(lot["title"]) == text.count(other["title"]) == 1
    assert f"“{lot['title']}”: the price is {house.look(lot)['price']['amount']} KES" in text


def test_M14_the_winner_is_written_to_and_so_is_whoever_the_lot_is_offered_to_then(house):
    lot, (ann, ben) = house.publish(), house.people(2)
    ben.bid(lot, 150)
    ann.bid(lot, 300)
    house.end(lot)
    type, line, _times = notices(ann)[0]
    assert (type, line[: line.index(":")]) == (
        "auction.won",
        f"You have won “{lot['title']}” for {ann_price(house, lot)}",
    )
    house.default(lot)
    house.go_on(lot)
    assert next(subject for subject, _text in letters(house, ann)) == f"You have won: {lot['title']}"
    offers = [text for subject, text in letters(house, ben) if subject == f"It can be yours: {lot['title']}"]
    assert len(offers) == 1
    assert "did not pay" in offers[0]


def ann_price(house, lot):
    ((minor,),) = house.market.query(
        "SELECT total_minor FROM orders o JOIN auctions_awards a ON a.order_id = o.id WHERE a.auction_id = :id",
        id=lot["id"],
    )
    return f"{minor // 100}.{minor % 100:02} KES"


def test_M14_everybody_interested_is_told_that_the_end_is_near_and_nobody_else(house):
    lot, (ann, ben, eve) = house.publish(), house.people(3)
    ann.bid(lot, 200)
    ben.act(lot, "watch", "PUT")
    house.travel_to_end(lot, before=60)
    house.tell()
    house.tell()
    told = ("auction.ending_soon", f"“{lot['title']}” ends soon, at {house.look(lot)['price']['amount']} KES now.", 1)
    assert [notices(person) for person in (ann, ben, eve)] == [[told], [told], []]
    assert letters(house, ben) == [], "it is no letter unless somebody wants one"


@pytest.mark.parametrize("type", ["auction.won", "auction.outbid", "auction.ending_soon"])
@pytest.mark.parametrize("round", [1, 2])
def test_M17_every_template_renders_in_both_forms_with_everything_escaped(house, type, round):
    folders = {type: table(house.market.registry, "notification types")[type].templates}
    templates = Templates(folders, {"name": "Soko", "url": "https://shop.example"})
    items = [{**DATA, "auction_id": number, "round": round} for number in (1, 1, 2)]
    written = templates.letter(type, items, {"name": HOSTILE})
    assert "<script" not in written.html
    assert "<b>" not in written.html
    assert "https://shop.example/" in written.text
    assert "https://shop.example/" in written.html
    assert "\n" not in written.subject + templates.line(type, items[-1])
