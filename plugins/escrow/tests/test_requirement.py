"""B9, clause by clause, over real HTTP."""

from __future__ import annotations

import pytest

from marketcore.ledger.accounts import wallet

from .agency import LINK, Person, kes, picture


def test_B9_a_seller_posts_an_advertisement_with_title_description_budget_and_duration(agency):
    ad = agency.read(agency.draft("50.00", days=7))
    assert (ad["title"], ad["description"], ad["days"]) == ("Promote my brand", "A post a day", 7)
    assert (ad["budget"], ad["free"], ad["state"]) == (kes("50.00"), kes("0.00"), "unfunded")
    assert ad["id"] in [item["id"] for item in agency.owner.get("users/me/advertisements").json()["items"]]
    assert agency.market.client().get(f"/api/v1/advertisements/{ad['id']}").json() == ad
    body = {"title": "x", "description": "x", "budget": kes("1.00"), "days": 1}
    assert agency.ann.post("advertisements", body).status_code == 403
    wrong = {**body, "title": " ", "days": 0, "budget": {"amount": "1e3", "currency": "KES"}}
    assert agency.owner.post("advertisements", wrong).json()["errors"].keys() == {"title", "days", "budget.amount"}
    assert agency.owner.post("advertisements", {**body, "days": 366}).json()["errors"].keys() == {"days"}
    unpayable = agency.owner.post("advertisements", {**body, "budget": {"amount": "5.00", "currency": "CHF"}})
    assert unpayable.json()["errors"].keys() == {"budget"}


@pytest.mark.parametrize("provider", ["wallet", "bank_transfer"])
def test_B9_the_budget_is_paid_through_any_provider_and_held_in_the_ledger(agency, provider):
    id = agency.draft("50.00")
    agency.fill(agency.owner, 5000)
    before = agency.owner.money(wallet)
    assert agency.ann.post("payments", {"purpose": "advertisement", "reference": str(id)}).status_code == 404
    payment = agency.pay(id, provider).json()
    if provider == "bank_transfer":
        assert (payment["state"], agency.read(id)["state"]) == ("pending", "unfunded")
        paid = {"amount": kes("50.00"), "receipt": f"FT{id}"}
        assert agency.admin.post(f"payments/{payment['id']}/confirmation", paid).status_code == 200
    ad = agency.read(id)
    assert (ad["state"], ad["free"]) == ("open", kes("50.00"))
    assert ad["funded_at"] < ad["ends_at"]
    assert agency.held(id) == (5000, 0)
    assert before - agency.owner.money(wallet) == (5000 if provider == "wallet" else 0)
    assert agency.pay(id, provider).status_code == 409
    assert "advertisement.funded" in agency.owner.told()


def test_B9_buyers_apply_once_and_the_owner_does_not(agency):
    id = agency.draft()
    mine = agency.applied(id, agency.ann)
    assert agency.ann.post(f"advertisements/{id}/applications", {}).status_code == 409
    assert agency.owner.post(f"advertisements/{id}/applications", {}).status_code == 409
    assert agency.ben.post("advertisements/999999/applications", {}).status_code == 404
    listed = agency.owner.get(f"advertisements/{id}/applications").json()["items"]
    assert [(item["id"], item["message"], item["state"]) for item in listed] == [(mine, "Let me do it", "applied")]
    assert [item["id"] for item in agency.ann.get("users/me/advertisement-applications").json()["items"]][:1] == [mine]
    assert "advertisement.applied" in agency.owner.told()
    for path in (f"advertisements/{id}/applications", f"advertisement-applications/{mine}"):
        assert agency.ben.get(path).status_code == 404, path
    assert agency.act(agency.ben, mine, "withdrawal").status_code == 404
    assert agency.act(agency.ann, mine, "withdrawal").json()["state"] == "withdrawn"


def test_B9_funds_are_held_before_an_application_can_be_accepted(agency):
    id = agency.draft("50.00")
    mine = agency.applied(id, agency.ann)
    refused = agency.accept(id, **{f"a{mine}": "10.00"})
    assert (refused.status_code, "is not funded: pay for it" in refused.text) == (409, True)
    assert (agency.state(mine), agency.held(id)) == ("applied", (0, 0))
    agency.fill(agency.owner, 5000)
    assert agency.pay(id).json()["state"] == "captured"
    assert agency.accept(id, **{f"a{mine}": "10.00"}).json()["state"] == "running"
    assert agency.held(id) == (5000, 1000)


def test_B9_one_or_several_are_accepted_with_shares_of_the_budget_and_never_more(agency):
    id = agency.funded("100.00")
    mine, other = agency.applied(id, agency.ann), agency.applied(id, agency.ben)
    too_much = agency.accept(id, **{f"a{mine}": "60.00", f"a{other}": "40.01"})
    assert (too_much.status_code, too_much.json()["available"]) == (409, "100.00")
    assert (agency.state(mine), agency.held(id)) == ("applied", (10_000, 0))
    both = agency.accept(id, **{f"a{mine}": "60.00", f"a{other}": "30.00"})
    assert (both.json()["accepted"], both.json()["free"]) == (2, kes("10.00"))
    assert agency.held(id) == (10_000, 9000)
    assert agency.accept(id, **{f"a{mine}": "5.00"}).status_code == 409
    elsewhere = agency.applied(agency.draft(), agency.ann)
    assert agency.accept(id, **{f"a{elsewhere}": "5.00"}).status_code == 404
    assert agency.accept(id, a999999="5.00").status_code == 404
    twice = {"shares": [{"application_id": mine, "share": kes("1.00")}] * 2}
    assert agency.owner.post(f"advertisements/{id}/acceptances", twice).status_code == 422
    dollars = {"shares": [{"application_id": mine, "share": {"amount": "1.00", "currency": "USD"}}]}
    assert agency.owner.post(f"advertisements/{id}/acceptances", dollars).status_code in (409, 422)
    late = agency.applied(id, Person(agency.market, "buyer"))
    assert agency.act(agency.owner, late, "refusal", reason="enough").json()["state"] == "declined"
    assert "advertisement.accepted" in agency.ann.told()


def test_B9_engagement_is_proved_by_a_link(agency):
    _ad, mine = agency.accepted()
    for link in (
        "javascript:alert(1)",
        "ftp://x.example/1",
        "//x.example",
        "https://",
        "https://a:b@x.example",
        "http:/x",
        "x",
    ):
        refused = agency.act(agency.ann, mine, "proofs", link=link)
        assert (refused.status_code, refused.json()["errors"].keys()) == (422, {"link"}), link
    assert agency.act(agency.ben, mine, "proofs", link=LINK).status_code == 404
    assert agency.act(agency.owner, mine, "proofs", link=LINK).status_code == 403
    shown = agency.act(agency.ann, mine, "proofs", link=LINK, note="3000 views")
    assert (shown.status_code, shown.json()["state"]) == (201, "submitted")
    assert [(proof["link"], proof["note"], proof["image"]) for proof in shown.json()["proofs"]] == [
        (LINK, "3000 views", None)
    ]
    assert agency.act(agency.ann, mine, "proofs", link=LINK).status_code == 409
    assert "advertisement.submitted" in agency.owner.told()


def test_B9_engagement_is_proved_by_an_image_that_only_those_concerned_can_see(agency):
    _ad, mine = agency.accepted()
    path = f"/api/v1/advertisement-applications/{mine}/proof-images"

    def upload(data, name="proof.jpg", kind="image/jpeg", who=agency.ann):
        return who.http.post(path, files={"file": (name, data, kind)})

    html = b"<html><script>alert(1)</script></html>"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    for data in (html, svg, b"%PDF-1.4\n%%EOF", b"", picture()[:40]):
        refused = upload(data)
        assert refused.status_code in (400, 422), (data, refused.text)
    assert upload(picture(), who=agency.ben).status_code == 404
    shown = upload(picture() + html, name="../../etc/passwd", kind="text/html")
    assert (shown.status_code, shown.json()["state"]) == (201, "submitted")
    (proof,) = shown.json()["proofs"]
    assert proof["image"]["state"] == "processing"
    address = f"/api/v1/advertisement-proofs/{proof['id']}/image"
    assert agency.owner.http.get(address).status_code == 409
    agency.run_jobs()
    (proof,) = agency.act(agency.owner, mine, "dispute", reason="is it you?").json()["proofs"]
    assert proof["image"]["url"] == address
    for who in (agency.owner, agency.ann, agency.admin):
        image = who.http.get(address)
        assert (image.status_code, image.headers["Content-Type"]) == (200, "image/webp")
        assert image.content[:4] == b"RIFF"
        assert b"script" not in image.content
        assert image.headers["Content-Disposition"].startswith("attachment")
        assert image.headers["X-Content-Type-Options"] == "nosniff"
    assert agency.ben.http.get(address).status_code == 404
    assert agency.market.client().get(address).status_code == 401
    assert agency.ann.http.get("/api/v1/advertisement-proofs/999999/image").status_code == 404
    stored = agency.market.query("SELECT key, variants FROM media_objects")
    assert not {"..", "passwd"} & set(str(stored).split("/"))


def test_B9_approval_releases_the_share_less_the_commission_and_only_once(agency):
    id, mine = agency.submitted("60.00")
    before = agency.ann.money()
    assert agency.act(agency.ann, mine, "approval").status_code == 403
    released = agency.act(agency.owner, mine, "approval").json()
    assert (released["state"], released["released"], released["fee"]) == ("released", kes("60.00"), kes("6.00"))
    assert agency.ann.money() - before == 5400
    assert agency.act(agency.owner, mine, "approval").status_code == 409
    assert agency.act(agency.ann, mine, "dispute", reason="more!").status_code == 409
    assert agency.held(id) == (4000, 0)
    assert agency.read(id)["free"] == kes("40.00")
    assert agency.ann.money() - before == 5400
    assert "advertisement.released" in agency.ann.told()


def test_B9_a_rejection_has_a_reason_and_a_better_proof_may_follow(agency):
    _ad, mine = agency.submitted()
    assert agency.act(agency.owner, mine, "rejection", reason=" ").status_code == 422
    assert agency.act(agency.ben, mine, "rejection", reason="no").status_code in (403, 404)
    rejected = agency.act(agency.owner, mine, "rejection", reason="the link is dead").json()
    assert (rejected["state"], rejected["proofs"][0]["reason"]) == ("rejected", "the link is dead")
    assert agency.act(agency.owner, mine, "approval").status_code == 409
    again = agency.act(agency.ann, mine, "proofs", link=f"{LINK}?again").json()
    assert [proof["state"] for proof in again["proofs"]] == ["rejected", "submitted"]
    assert agency.act(agency.owner, mine, "approval").json()["state"] == "released"
    states = [step["state"] for step in agency.ann.get(f"advertisement-applications/{mine}").json()["history"]]
    assert states == ["applied", "accepted", "submitted", "rejected", "submitted", "released"]
    assert "advertisement.rejected" in agency.ann.told()


def test_B9_expiry_returns_the_rest_to_the_owner_the_way_it_came(agency):
    id, mine = agency.submitted("60.00")
    idle = agency.applied(id, agency.ben)
    assert agency.accept(id, **{f"a{idle}": "10.00"}).status_code == 200
    unanswered = agency.applied(id, Person(agency.market, "buyer"))
    assert agency.act(agency.owner, mine, "approval").json()["state"] == "released"
    before = agency.owner.money(wallet)
    agency.settle()
    assert agency.read(id)["state"] == "running"
    agency.age(7, id)
    agency.settle()
    ad = agency.read(id)
    assert (ad["state"], ad["released"], ad["returned"], ad["free"]) == (
        "finished", kes("60.00"), kes("40.00"), kes("0.00")
    )  # fmt: skip
    assert (agency.state(idle), agency.state(unanswered)) == ("returned", "declined")
    assert agency.held(id) == (0, 0)
    assert agency.owner.money(wallet) - before == 4000
    assert agency.refunds(id) == [("original", "succeeded", 4000)]
    agency.settle()
    assert agency.refunds(id) == [("original", "succeeded", 4000)]
    assert agency.ben.post(f"advertisements/{id}/applications", {}).status_code == 409
    assert "advertisement.ended" in agency.owner.told()
    assert "advertisement.returned" in agency.ben.told()


def test_B9_a_proof_left_unanswered_is_released_and_one_shown_late_is_still_reviewed(agency):
    id, mine = agency.submitted("60.00", days=1)
    before = agency.ann.money()
    agency.age(1, id)
    agency.market.query("UPDATE escrow_applications SET due_at = due_at + interval '1 day' WHERE id = :id", id=mine)
    agency.settle()
    ad = agency.read(id)
    assert (ad["state"], ad["returned"], agency.state(mine)) == ("ending", kes("40.00"), "submitted")
    rejected = agency.act(agency.owner, mine, "rejection", reason="too short").json()
    assert rejected["due_at"] > ad["ends_at"]
    assert agency.act(agency.ann, mine, "proofs", link=LINK).status_code == 201
    agency.age(3, id)
    assert agency.act(agency.owner, mine, "rejection", reason="too late").status_code == 409
    agency.settle()
    assert (agency.read(id)["state"], agency.state(mine)) == ("finished", "released")
    assert agency.ann.money() - before == 5400
    assert [step["actor_id"] for step in agency.ann.get(f"advertisement-applications/{mine}").json()["history"]][
        -1
    ] is None


def test_B9_a_dispute_freezes_the_share_and_an_admin_decides_it_with_a_split(agency):
    id, mine = agency.submitted("60.00")
    before = agency.ann.money(), agency.owner.money(wallet)
    assert agency.act(agency.ben, mine, "dispute", reason="x").status_code == 404
    assert agency.act(agency.ann, mine, "dispute", reason="no answer at all").json()["state"] == "disputed"
    agency.age(30, id)
    agency.settle()
    assert (agency.read(id)["state"], agency.state(mine), agency.held(id)) == ("ending", "disputed", (6000, 6000))
    for act, body in {"approval": {}, "rejection": {"reason": "x"}, "dispute": {"reason": "x"}}.items():
        assert agency.act(agency.owner, mine, act, **body).status_code == 409, act
    assert agency.act(agency.ann, mine, "withdrawal").status_code == 409
    assert mine in [item["id"] for item in agency.admin.get("disputed-applications?limit=100").json()["items"]]
    assert agency.owner.get("disputed-applications").status_code == 403
    decision = {"outcome": "split", "to_applicant": kes("20.00"), "reason": "half the posts were made"}
    assert agency.act(agency.owner, mine, "decision", **decision).status_code == 403
    wrong = {"to_applicant": kes("60.00")}, {"to_applicant": None}, {"outcome": "return"}
    for more in wrong:
        assert agency.act(agency.admin, mine, "decision", **{**decision, **more}).status_code == 422, more
    decided = agency.act(agency.admin, mine, "decision", **decision).json()
    assert (decided["state"], decided["released"], decided["fee"]) == ("split", kes("20.00"), kes("2.00"))
    assert agency.act(agency.admin, mine, "decision", **decision).status_code == 409
    assert (agency.ann.money() - before[0], agency.owner.money(wallet) - before[1]) == (1800, 8000)
    assert (agency.read(id)["state"], agency.held(id)) == ("finished", (0, 0))
    audited = agency.market.query(
        "SELECT actor, act, detail ->> 'released_minor' FROM audit_log WHERE subject_id = :id", id=str(mine)
    )
    assert audited == [(f"user:{agency.admin.id}", "escrow.decide", "2000")]
    assert {"advertisement.disputed", "advertisement.split"} <= set(agency.owner.told())
    assert "advertisement.split" in agency.ann.told()


@pytest.mark.parametrize(("outcome", "state", "earned"), [("release", "released", 5400), ("return", "returned", 0)])
def test_B9_an_admin_may_give_all_of_a_disputed_share_to_either_side(agency, outcome, state, earned):
    id, mine = agency.accepted("60.00")
    before = agency.ann.money()
    assert agency.act(agency.owner, mine, "dispute", reason="never heard of again").json()["state"] == "disputed"
    decision = {"outcome": outcome, "reason": "so it is"}
    assert agency.act(agency.admin, mine, "decision", **decision).json()["state"] == state
    assert agency.ann.money() - before == earned
    assert agency.read(id)["state"] == "running"
    assert agency.owner.post(f"advertisements/{id}/cancellation").json()["state"] == "finished"
    assert agency.held(id) == (0, 0)


def test_B9_an_owner_ends_an_advertisement_that_nobody_works_for(agency):
    id, mine = agency.accepted("60.00")
    assert agency.owner.post(f"advertisements/{id}/cancellation").status_code == 409
    assert agency.act(agency.ann, mine, "withdrawal").json()["state"] == "returned"
    assert agency.held(id) == (10_000, 0)
    open_one, unpaid = agency.funded("30.00"), agency.draft()
    for ad, state in ((id, "finished"), (open_one, "cancelled"), (unpaid, "cancelled")):
        assert agency.owner.post(f"advertisements/{ad}/cancellation").json()["state"] == state
        assert agency.owner.post(f"advertisements/{ad}/cancellation").status_code == 409
    other = Person(agency.market, "seller")
    assert other.post(f"advertisements/{agency.draft()}/cancellation").status_code == 404
    assert agency.refunds(id) == [("original", "succeeded", 10_000)]
    assert agency.refunds(open_one) == [("original", "succeeded", 3000)]
    assert agency.pay(unpaid).status_code == 409
