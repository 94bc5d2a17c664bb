"""Complaints: made once, talked about by those who take part, followed live, ended by an admin or taken back."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from marketcore.db import migrate
from marketcore.db.metadata import core_metadata
from marketcore.jobs.running import run_waiting
from marketcore.plugins import migration_locations
from marketcore.testing.contracts import at_once
from marketcore.testing.live import LiveClient, LiveServer
from marketcore.testing.shop import register
from marketcore_complaints import models

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def listed(http, **query):
    answer = http.get("/api/v1/complaints", params=query)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


def test_M12_each_party_has_one_open_complaint_about_an_order(counter):
    answers = at_once([counter.complain, counter.complain])
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    (complaint,) = [answer.json() for answer in answers if answer.status_code == 201]
    theirs = counter.complain(counter.seller, category="payment")
    assert (theirs.status_code, theirs.json()["part"]) == (201, "complainant")
    assert listed(counter.buyer) == [complaint["id"]]
    assert listed(counter.buyer, role="respondent") == [theirs.json()["id"]]
    assert listed(counter.seller, state="resolved") == []
    assert counter.buyer.get("/api/v1/complaints?role=staff").status_code == 403
    admin = counter.admin()
    assert listed(admin, role="staff", state="open") == [theirs.json()["id"], complaint["id"]]
    counter.decide(complaint, admin, "rejected")
    assert counter.complain().status_code == 201, "another one, once the first has ended"
    for wrong in ({"product_id": 1, "order_id": 1}, {"category": "anger"}, {"subject": " "}, {"body": "x" * 4001}):
        assert counter.complain(**wrong).status_code == 422, wrong
    nothing = {"category": "other", "subject": "x", "body": "x"}
    assert counter.buyer.post("/api/v1/complaints", json=nothing).status_code == 422


def test_M12_a_complaint_is_followed_answered_and_decided_live_and_in_letters(counter):
    admin = counter.admin()
    with (
        LiveServer(counter.market.registry) as live,
        LiveClient(live.url, counter.seller_user["access"]) as seller,
        LiveClient(live.url, counter.buyer_user["access"]) as buyer,
    ):
        seller.subscribe(f"user:{counter.seller_id}")
        buyer.subscribe(f"user:{counter.buyer_id}")
        complaint = counter.complain().json()
        path = f"/api/v1/complaints/{complaint['id']}"
        assert heard(seller, "complaint.opened") == {
            "complaint_id": complaint["id"],
            "order_id": counter.order_id,
            "state": "open",
        }
        answer = counter.seller.post(f"{path}/messages", json={"body": "It was whole when it left."})
        assert (answer.status_code, answer.json()["part"]) == (201, "respondent")
        assert heard(buyer, "complaint.message")["message_id"] == answer.json()["id"]
        assert admin.post(f"{path}/messages", json={"body": "Pictures, please."}).json()["part"] == "staff"
        counter.decide(complaint, admin)
        assert heard(buyer, "complaint.resolved")["state"] == "resolved"
    messages = counter.buyer.get(f"{path}/messages", params={"limit": 2}).json()
    rest = counter.buyer.get(f"{path}/messages", params={"limit": 2, "cursor": messages["next"]}).json()
    parts = [one["part"] for one in messages["items"] + rest["items"]]
    assert parts == ["complainant", "respondent", "staff"]
    assert counter.seller.get(path).json()["outcome"] == "We have seen the pictures."
    assert counter.seller.post(f"{path}/messages", json={"body": "But!"}).status_code == 409
    assert counter.told("complaints.opened") == [counter.seller_id]
    assert counter.told("complaints.ended") == sorted([counter.buyer_id, counter.seller_id])
    run_waiting(counter.market.registry)
    letters = counter.market.query("SELECT state FROM letters WHERE type LIKE 'complaints.%'")
    assert {row.state for row in letters} == {"sent"}


def heard(socket, type):
    """Return the data of the next event of ``type``."""
    while True:
        event = socket.next_event()
        if event["type"] == type:
            return event["data"]


def test_M12_strangers_see_nothing_and_somebody_who_is_reported_hears_nothing(counter):
    complaint = counter.complain().json()
    stranger = counter.market.client(register(counter.market, "both")["access"])
    path = f"/api/v1/complaints/{complaint['id']}"
    assert stranger.get(path).status_code == 404
    assert stranger.get(f"{path}/messages").status_code == 404
    assert stranger.post(f"{path}/messages", json={"body": "me too"}).status_code == 404
    assert stranger.post(f"{path}/withdrawal").status_code == 404
    assert counter.seller.post(f"{path}/withdrawal").status_code == 404
    assert counter.complain(stranger).status_code == 404
    report = counter.complain(user_id=counter.seller_id, category="conduct").json()
    assert counter.seller.get(f"/api/v1/complaints/{report['id']}").status_code == 404
    assert report["id"] not in listed(counter.seller, role="respondent")
    assert counter.told("complaints.opened") == [counter.seller_id], "of the order alone"
    assert counter.complain(user_id=counter.buyer_id).status_code == 409
    assert counter.complain(user_id=999_999).status_code == 404


def test_M12_files_are_for_those_who_take_part(counter):
    complaint = counter.complain().json()
    path = f"/api/v1/complaints/{complaint['id']}/files"
    answer = counter.buyer.post(path, files={"file": ("bill.pdf", PDF, "application/pdf")})
    assert answer.status_code == 201, answer.text
    url = answer.json()["url"]
    assert counter.seller.get(url).content == PDF
    assert counter.seller.get(url).headers["Content-Type"] == "application/pdf"
    assert [one["url"] for one in counter.seller.get(f"/api/v1/complaints/{complaint['id']}").json()["files"]] == [url]
    stranger = counter.market.client(register(counter.market, "buyer")["access"])
    assert stranger.get(url).status_code == 404
    assert stranger.post(path, files={"file": ("bill.pdf", PDF, "application/pdf")}).status_code == 404
    assert counter.buyer.post(path, files={"file": ("a.txt", b"hello", "text/plain")}).status_code == 422
    counter.buyer.post(f"/api/v1/complaints/{complaint['id']}/withdrawal")
    assert counter.buyer.post(path, files={"file": ("bill.pdf", PDF, "application/pdf")}).status_code == 409


def test_the_migrations_go_down_and_up_again_and_make_the_tables_of_the_models(make_market):
    market = make_market("complaints")
    url, market.spent = market.settings["marketcore.database_url"], True
    migrate.downgrade(url, "complaints@base", migration_locations())
    assert migrate.upgrade(url, ["complaints"], migration_locations()) == ["complaints_0001"]
    with market.registry["engine"].connect() as connection:
        options = {"compare_type": True, "include_object": of_this_plugin}
        context = MigrationContext.configure(connection, opts=options)
        assert models.Complaint.metadata is core_metadata()
        assert compare_metadata(context, core_metadata()) == []


def of_this_plugin(_thing, name, type_, _reflected, _other):
    return type_ != "table" or name.startswith("complaints_")
