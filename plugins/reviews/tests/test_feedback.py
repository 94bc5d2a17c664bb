"""Feedback about orders: exactly one of each, and figures of sellers that are right whoever speaks at once."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marketcore.db import migrate
from marketcore.db.metadata import core_metadata
from marketcore.directives import table
from marketcore.events import SellerRated
from marketcore.jobs.running import run_waiting
from marketcore.plugins import migration_locations
from marketcore.testing.contracts import at_once
from marketcore_reviews import models

REQUEST = "reviews.feedback_request"


def figures(stall):
    seller_id = stall.seller_user["user"]["id"]
    return stall.market.client().get(f"/api/v1/sellers/{seller_id}/rating").json()


def test_M10_an_order_has_exactly_one_feedback_by_its_buyer_once_it_has_arrived(stall):
    assert stall.feedback().status_code == 409, "it has not arrived"
    stall.deliver()
    assert stall.feedback(stall.seller).status_code == 403
    assert stall.feedback(stall.admin()).status_code in (403, 404)
    answers = at_once([lambda stars=stars: stall.feedback(seller_rating=stars) for stars in (1, 2, 3, 4)])
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    (given,) = [answer.json() for answer in answers if answer.status_code == 201]
    assert figures(stall)["average"] == f"{given['seller_rating']}.00"
    assert stall.feedback().status_code == 409
    for wrong in ({"shipping": 0}, {"accuracy": 6}, {"comment": "x" * 2001}, {"platform_rating": None}):
        assert stall.feedback(**wrong).status_code == 422, wrong
    path = f"/api/v1/orders/{stall.order_id}/feedback"
    assert stall.seller.get(path).json()["platform_rating"] is None
    assert stall.buyer.get(path).json() == given


def test_M10_figures_of_a_seller_add_up_when_many_buyers_speak_at_once(stall):
    stall.deliver()
    orders = [stall.order_id, *(stall.another_order() for _ in range(4))]
    heard = []

    def listen(_request, event):
        heard.append((event.count, event.average, event.user_id))

    subscribers = table(stall.market.registry, "event subscribers")
    subscribers["test"] = (SellerRated, listen)
    try:
        marks = zip(orders, (5, 5, 4, 2, 1), strict=True)
        answers = at_once(
            [
                lambda order=order, stars=stars: stall.feedback(order_id=order, seller_rating=stars, shipping=stars)
                for order, stars in marks
            ]
        )
    finally:
        del subscribers["test"]
    assert [answer.status_code for answer in answers] == [201] * 5
    seller_id = stall.seller_user["user"]["id"]
    assert figures(stall) == {
        "seller_id": seller_id,
        "count": 5,
        "average": "3.40",
        "communication": "5.00",
        "shipping": "3.40",
        "accuracy": "4.00",
    }
    assert sorted(heard)[-1] == (5, 340, seller_id)
    assert [count for count, _average, _seller in sorted(heard)] == [1, 2, 3, 4, 5]
    page = stall.market.client().get(f"/api/v1/sellers/{seller_id}/feedback", params={"limit": 3}).json()
    assert [one["order_id"] for one in page["items"]] == [None] * 3, "which order it was is nobody's business"
    rest = stall.buyer.get(f"/api/v1/sellers/{seller_id}/feedback", params={"limit": 3, "cursor": page["next"]})
    assert {one["order_id"] for one in rest.json()["items"]} < set(orders)
    admin = stall.admin()
    assert admin.get("/api/v1/feedback/platform").json() == {"count": 5, "average": "4.00"}
    moderate(stall, admin, page["items"][0])


def moderate(stall, admin, feedback):
    """Feedback that is hidden counts for nothing; its seller may answer what is shown."""
    path = f"/api/v1/feedback/{feedback['id']}"
    before = figures(stall)
    assert stall.seller.put(f"{path}/reply", json={"reply": "Thank you"}).json()["reply"] == "Thank you"
    assert admin.put(f"{path}/moderation", json={"hidden": True, "reason": "spam"}).status_code == 200
    assert figures(stall)["count"] == 4
    assert stall.seller.put(f"{path}/reply", json={"reply": "Hm"}).status_code == 404
    assert admin.put(f"{path}/moderation", json={"hidden": False, "reason": "it was not"}).status_code == 200
    assert figures(stall) == before
    acts = stall.market.query("SELECT act FROM audit_log WHERE subject = 'feedback' ORDER BY id")
    assert [row.act for row in acts] == ["feedback.hide", "feedback.show"]


def test_M14_buyers_are_asked_for_feedback_once_some_time_after_delivery_unless_they_gave_it(stall):
    stall.deliver()
    second = stall.another_order()
    assert stall.feedback(order_id=second).status_code == 201
    run_waiting(stall.market.registry)
    assert stall.told(REQUEST) == []
    stall.market.travel("25 hours")
    run_waiting(stall.market.registry)
    buyer_id = stall.buyer_user["user"]["id"]
    assert stall.told(REQUEST) == [buyer_id]
    job = table(stall.market.registry, "jobs")["reviews.request_feedback"]
    stall.market.perform(job.run, order_id=stall.order_id)
    assert stall.told(REQUEST) == [buyer_id]
    letters = stall.market.query("SELECT user_id, state FROM letters WHERE type = :type", type=REQUEST)
    assert [tuple(letter) for letter in letters] == [(buyer_id, "sent")]


def test_the_migrations_go_down_and_up_again_and_make_the_tables_of_the_models(make_market):
    market = make_market("reviews")
    url, market.spent = market.settings["marketcore.database_url"], True
    migrate.downgrade(url, "reviews@base", migration_locations())
    assert migrate.upgrade(url, ["reviews"], migration_locations()) == ["reviews_0001"]
    with market.registry["engine"].connect() as connection:
        options = {"compare_type": True, "include_object": of_this_plugin}
        context = MigrationContext.configure(connection, opts=options)
        assert models.Review.metadata is core_metadata()
        assert compare_metadata(context, core_metadata()) == []


def of_this_plugin(_thing, name, type_, _reflected, _other):
    return type_ != "table" or name.startswith("reviews_")
