"""Reviews of products: one per buyer, only of what arrived, counted where searches look."""

from __future__ import annotations

from marketcore.testing.contracts import at_once
from marketcore.testing.shop import register


def rating_of(stall):
    return stall.market.client().get(f"/api/v1/products/{stall.product_id}/rating").json()


def shown(stall, http=None, **query):
    answer = (http or stall.market.client()).get(f"/api/v1/products/{stall.product_id}/reviews", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_K4_a_product_is_reviewed_by_who_received_it_and_once(stall):
    assert stall.review().status_code == 403, "nothing has arrived yet"
    stall.deliver()
    other = stall.market.client(register(stall.market, "buyer")["access"])
    assert stall.review(other).status_code == 403
    assert stall.review(stall.seller).status_code == 403
    answers = at_once([lambda: stall.review(title="One"), lambda: stall.review(title="Two")])
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert rating_of(stall)["count"] == 1
    assert stall.review(rating=1).status_code == 409
    assert stall.buyer.post("/api/v1/products/999999/reviews", json={"rating": 1, "title": "x"}).status_code == 404
    for wrong in ({"rating": 0}, {"rating": 6}, {"rating": 4.5}, {"title": " "}, {"body": "x" * 5001}):
        assert stall.review(**wrong).status_code == 422, wrong
    assert stall.told("reviews.received") == [stall.seller_user["user"]["id"]]


def test_K4_a_review_can_be_changed_for_some_days_and_its_stars_count_where_searches_look(stall):
    stall.deliver()
    review = stall.review(rating=2).json()
    assert (review["author"]["id"], review["edited_at"]) == (stall.buyer_user["user"]["id"], None)
    path = f"/api/v1/reviews/{review['id']}"
    changed = stall.buyer.patch(path, json={"rating": 5, "body": "It grew on me."})
    assert (changed.status_code, changed.json()["title"], changed.json()["rating"]) == (200, "Holds a lot", 5)
    assert changed.json()["edited_at"]
    stars = {one["stars"]: one["count"] for one in rating_of(stall)["stars"]}
    assert (rating_of(stall)["average"], stars) == ("5.00", {5: 1, 4: 0, 3: 0, 2: 0, 1: 0})
    (listed,) = stall.buyer.get("/api/v1/listings", params={"min_rating": "5", "sort": "rating"}).json()["items"]
    assert listed["rating"] == {"average": "5.00", "count": 1}
    assert shown(stall, rating=4)["items"] == []
    assert [one["body"] for one in shown(stall, rating=5)["items"]] == ["It grew on me."]
    assert stall.seller.patch(path, json={"rating": 1}).status_code in (403, 404)
    stall.market.travel("31 days")
    stall.log_in()
    assert stall.buyer.patch(path, json={"rating": 1}).status_code == 409
    assert rating_of(stall)["average"] == "5.00"


def test_K4_a_seller_answers_reviews_and_an_admin_hides_them_with_a_reason_that_is_kept(stall):
    stall.deliver()
    review, admin, guest = stall.review(rating=1).json(), stall.admin(), stall.market.client()
    path = f"/api/v1/reviews/{review['id']}"
    stranger = stall.market.client(register(stall.market, "seller")["access"])
    assert stranger.put(f"{path}/reply", json={"reply": "Not mine"}).status_code == 404
    assert stall.seller.put(f"{path}/reply", json={"reply": "Sorry!"}).json()["reply"] == "Sorry!"
    assert stall.told("reviews.replied") == [stall.buyer_user["user"]["id"]]
    hide = {"hidden": True, "reason": "insults the weaver"}
    assert stall.seller.put(f"{path}/moderation", json=hide).status_code == 403
    for _ in range(2):
        assert admin.put(f"{path}/moderation", json=hide).json()["hidden_reason"] == "insults the weaver"
    assert shown(stall, guest)["items"] == []
    assert [one["hidden"] for one in shown(stall, stall.buyer)["items"]] == [True]
    assert [one["hidden"] for one in shown(stall, admin)["items"]] == [True]
    assert (rating_of(stall)["average"], rating_of(stall)["count"]) == (None, 0)
    assert stall.buyer.patch(path, json={"rating": 2}).status_code == 200
    assert rating_of(stall)["count"] == 0
    assert admin.put(f"{path}/moderation", json={"hidden": False, "reason": "milder now"}).status_code == 200
    assert rating_of(stall)["average"] == "2.00"
    acts = stall.market.query(
        "SELECT act, detail ->> 'reason' AS reason FROM audit_log WHERE subject = 'review' ORDER BY id"
    )
    assert [tuple(act) for act in acts][1:] == [
        ("review.hide", "insults the weaver"),
        ("review.show", "milder now"),
    ]
