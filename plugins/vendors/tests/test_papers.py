"""KYC documents: private, reviewed once, expiring; nobody but owner and admin knows of them."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from marketcore.db.session import perform
from marketcore.testing.contracts import at_once
from marketcore_vendors.events import KycDocumentChanged
from marketcore_vendors.jobs import watch_expiry

from .people import PDF, Somebody, photo

PAPERS = "/api/v1/kyc-documents"


@pytest.fixture(scope="module")
def plugins():
    return ("vendors", "webhooks")


@pytest.fixture(scope="module")
def settings():
    return {
        "vendors.kyc_kinds": "identity tax_certificate",
        "vendors.verification_requires": "identity",
        "vendors.owners_may_delete": "true",
    }


@pytest.fixture(scope="module")
def vendor(quarter):
    return quarter.seller()


def today(quarter):
    return quarter.market.query("SELECT CAST(market_clock() AT TIME ZONE 'UTC' AS date) AS day")[0].day


def test_K3_a_paper_is_submitted_reviewed_and_approved_and_everybody_concerned_is_told(quarter, facts):
    vendor = quarter.seller()
    sent = vendor.submit("identity", expires_on="2999-01-31")
    assert sent.status_code == 201, sent.text
    paper = sent.json()
    assert (paper["state"], paper["kind"], paper["expires_on"]) == ("submitted", "identity", "2999-01-31")
    queue = quarter.admin.http.get(PAPERS, params={"state": "submitted", "limit": 100}).json()["items"]
    assert paper["id"] in [item["id"] for item in queue]
    answer = quarter.admin.decide(paper, reason="Looks right.", expires_on="2998-12-31")
    assert (answer.status_code, answer.json()["state"]) == (200, "approved"), answer.text
    assert answer.json()["expires_on"] == "2998-12-31"
    assert quarter.admin.decide(paper, approve=False, reason="changed my mind").status_code == 409
    assert vendor.http.get(f"{PAPERS}/{paper['id']}").json()["decided_at"]
    assert vendor.told() == ["vendor.kyc_approved"]
    assert [(type, data["document_id"]) for type, data in vendor.heard()] == [("vendor.kyc_approved", paper["id"])]
    assert [fact.state for fact in facts(KycDocumentChanged)] == ["submitted", "approved"]
    assert quarter.audited("kyc_document", paper["id"]) == [(f"user:{quarter.admin.id}", "kyc_document.approve")]


def test_K3_a_rejection_says_why_and_the_paper_can_be_withdrawn_and_another_one_submitted(quarter):
    vendor = quarter.seller()
    paper = vendor.submit().json()
    assert vendor.submit().status_code == 409
    assert list(quarter.admin.decide(paper, approve=False).json()["errors"]) == ["reason"]
    rejected = quarter.admin.decide(paper, approve=False, reason="Unreadable.").json()
    assert (rejected["state"], rejected["reason"]) == ("rejected", "Unreadable.")
    assert vendor.told() == ["vendor.kyc_rejected"]
    assert vendor.heard()[0][1]["reason"] == "Unreadable."
    again = vendor.submit().json()
    assert vendor.http.delete(f"{PAPERS}/{paper['id']}").status_code == 204
    assert [item["id"] for item in vendor.http.get(PAPERS).json()["items"]] == [again["id"]]
    quarter.admin.decide(again)
    assert vendor.http.delete(f"{PAPERS}/{again['id']}").status_code == 409


def test_K3_a_file_is_read_by_its_owner_and_admins_alone_and_every_look_of_an_admin_is_written_down(quarter):
    vendor = quarter.seller()
    paper = vendor.submit().json()
    file = f"{PAPERS}/{paper['id']}/file"
    mine, theirs = vendor.http.get(file), quarter.admin.http.get(file)
    for answer in (mine, theirs):
        assert (answer.status_code, answer.content) == (200, PDF)
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "no-store" in answer.headers["cache-control"]
    quarter.admin.http.get(file)
    assert quarter.audited("kyc_document", paper["id"]) == [(f"user:{quarter.admin.id}", "kyc_document.view")] * 2
    other = quarter.seller()
    for stranger in (other.http, quarter.buyer.http):
        for method, path in (("GET", file), ("GET", f"{PAPERS}/{paper['id']}"), ("DELETE", f"{PAPERS}/{paper['id']}")):
            assert stranger.request(method, path).status_code == 404
        assert stranger.get(PAPERS).json()["items"] == []
        assert stranger.get(PAPERS, params={"user_id": vendor.id}).status_code == 404
    assert quarter.nobody.get(file).status_code == 401
    assert other.decide(paper).status_code == 403
    assert quarter.admin.http.delete(f"{PAPERS}/{paper['id']}").status_code == 404
    assert len(quarter.audited("kyc_document", paper["id"])) == 2


def test_K3_an_image_is_re_encoded_without_a_public_address_and_approved_only_once_it_can_be_seen(quarter):
    vendor = quarter.seller()
    paper = vendor.submit("tax_certificate", photo()).json()
    assert (paper["file"]["state"], paper["file"]["url"]) == ("processing", None)
    assert vendor.http.get(f"{PAPERS}/{paper['id']}/file").status_code == 409
    assert quarter.admin.decide(paper).json()["reason"] == "file-processing"
    quarter.run_jobs()
    shown = vendor.http.get(f"{PAPERS}/{paper['id']}").json()["file"]
    assert shown["url"] == f"{PAPERS}/{paper['id']}/file"
    thumb = vendor.http.get(shown["thumb"])
    assert (thumb.status_code, thumb.headers["content-type"]) == (200, "image/webp")
    ((key,),) = quarter.market.query("SELECT key FROM media_objects WHERE id = :id", id=shown["id"])
    assert quarter.nobody.get(f"/media/images/{key}/large.webp").status_code == 404
    assert quarter.admin.decide(paper).status_code == 200


@pytest.mark.parametrize(
    "data",
    [b"<html><script>alert(1)</script>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", b"", b"PK\x03\x04"],
    ids=["html", "svg", "broken", "empty", "zip"],
)
def test_K3_what_is_no_image_and_no_pdf_is_refused_and_nothing_is_written(quarter, vendor, data):
    before = quarter.market.query("SELECT count(*) FROM media_objects")
    assert quarter.buyer.submit("identity", data).status_code == 403
    assert vendor.submit("identity", data).status_code == 422
    assert quarter.market.query("SELECT count(*) FROM media_objects") == before


def test_K3_kinds_and_days_are_checked(quarter, vendor):
    yesterday = today(quarter) - timedelta(days=1)
    for kind, expires_on, field in (
        ("passport", None, "kind"),
        ("identity", "2026-02-30", "expires_on"),
        ("identity", "20260228", "expires_on"),
        ("identity", "9999-12-31", "expires_on"),
        ("identity", yesterday.isoformat(), "expires_on"),
    ):
        answer = vendor.submit(kind, **({"expires_on": expires_on} if expires_on else {}))
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field]), answer.text
    paper = vendor.submit().json()
    answer = quarter.admin.decide(paper, expires_on=yesterday.isoformat())
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["expires_on"])


def test_K3_papers_that_are_asked_for_have_to_be_approved_before_a_vendor_is_verified(quarter):
    vendor = quarter.seller()
    verification = f"{vendor.path}/verification"
    refused = quarter.admin.http.put(verification, json={"verified": True})
    assert (refused.status_code, refused.json()["missing"]) == (409, ["identity"])
    paper = vendor.submit("identity", expires_on=today(quarter).isoformat()).json()
    assert quarter.admin.http.put(verification, json={"verified": True}).status_code == 409
    quarter.admin.decide(paper)
    assert quarter.admin.http.put(verification, json={"verified": True}).status_code == 200


def test_K3_nobody_reviews_their_own_papers_and_a_newer_one_replaces_the_one_before(quarter):
    vendor = quarter.seller()
    old = vendor.submit().json()
    quarter.market.query("UPDATE users SET roles = '{seller,admin}' WHERE id = :id", id=vendor.id)
    assert vendor.decide(old).status_code == 403
    quarter.market.query("UPDATE users SET roles = '{seller}' WHERE id = :id", id=vendor.id)
    quarter.admin.decide(old)
    new = vendor.submit().json()
    quarter.admin.decide(new)
    states = {item["id"]: item["state"] for item in vendor.http.get(PAPERS).json()["items"]}
    assert states == {old["id"]: "replaced", new["id"]: "approved"}


def test_K3_two_reviews_at_once_are_one_decision(quarter):
    vendor, second = quarter.seller(), Somebody(quarter.market, "admin")
    paper = vendor.submit().json()
    answers = at_once([lambda: quarter.admin.decide(paper), lambda: second.decide(paper, approve=False, reason="No.")])
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(vendor.told()) == 1


def test_K3_an_owner_is_told_before_a_paper_expires_and_when_it_has(quarter):
    vendor, day = quarter.seller(), today(quarter)
    for kind, ends in (("identity", day + timedelta(days=30)), ("tax_certificate", day + timedelta(days=31))):
        quarter.admin.decide(vendor.submit(kind, expires_on=ends.isoformat()).json())
    for _twice in range(2):
        perform(quarter.market.registry, watch_expiry)
    told = ["vendor.kyc_approved"] * 2
    assert vendor.told() == [*told, "vendor.kyc_expiring"]
    quarter.market.query("UPDATE vendors_documents SET expires_on = :day WHERE user_id = :id AND kind = 'identity'",
                         day=day - timedelta(days=1), id=vendor.id)  # fmt: skip
    for _twice in range(2):
        perform(quarter.market.registry, watch_expiry)
    assert vendor.told() == [*told, "vendor.kyc_expiring", "vendor.kyc_expired"]
    assert [type for type, _data in vendor.heard()][-2:] == ["vendor.kyc_expiring", "vendor.kyc_expired"]
    states = {item["kind"]: item["state"] for item in vendor.http.get(PAPERS).json()["items"]}
    assert states == {"identity": "expired", "tax_certificate": "approved"}
    assert date.fromisoformat(vendor.heard()[-1][1]["expires_on"]) == day - timedelta(days=1)


def test_webhooks_tell_a_vendor_of_their_papers_and_verification_by_ids_alone(quarter):
    vendor = quarter.seller()
    hook = vendor.http.post("/api/v1/webhook-endpoints", json={"url": "https://93.184.215.14/hook"})
    assert hook.status_code == 201, hook.text
    paper = vendor.submit().json()
    quarter.admin.decide(paper)
    quarter.admin.http.put(f"{vendor.path}/verification", json={"verified": True, "reason": "Welcome."})
    rows = quarter.market.query(
        """SELECT m.type, m.body FROM webhooks_messages m JOIN webhooks_deliveries d ON d.message_id = m.id
           WHERE d.endpoint_id = :id ORDER BY m.id""",
        id=hook.json()["id"],
    )
    assert [row.type for row in rows] == ["vendor.kyc_submitted", "vendor.kyc_approved", "seller.verified"]
    about = {"document_id": paper["id"], "user_id": vendor.id, "kind": "identity", "state": "approved"}
    assert json.loads(bytes(rows[1].body))["data"] == about


def test_L2_owners_remove_their_profile_where_the_marketplace_allows_it(quarter):
    vendor, other = quarter.seller(), quarter.seller()
    assert vendor.http.delete(other.path).status_code == 404
    assert vendor.http.delete(vendor.path).status_code == 204
    assert quarter.nobody.get(f"/api/v1/sellers/{vendor.id}").status_code == 404
    assert quarter.audited("vendor", vendor.id) == []
