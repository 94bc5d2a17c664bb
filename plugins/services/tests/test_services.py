"""What vendors say of their services, what an admin decides, and what customers find."""

from __future__ import annotations

import pytest

from marketcore.settings import section

from .people import picture, taka


def test_L3_an_approval_is_audited_once_and_told_to_the_vendor(yard):
    service, _variant = yard.offer(approved=False)
    for _again in range(2):
        assert yard.decide(service, True)["approved"] is True
    assert yard.decide(service, False, "the price is missing")["reason"] == "the price is missing"
    acts = yard.market.query(
        "SELECT act, actor, detail ->> 'reason' AS why FROM audit_log WHERE subject = 'service' AND subject_id = :id "
        "ORDER BY id",
        id=str(service["id"]),
    )
    actor = f"user:{yard.admin.id}"
    assert [tuple(row) for row in acts] == [
        ("services.approve", actor, ""),
        ("services.unapprove", actor, "the price is missing"),
    ]
    assert yard.told(yard.vendor)[:2] == ["service.unapproved", "service.approved"]


def test_L3_a_service_has_variants_with_price_name_and_duration(yard):
    service, small = yard.offer()
    large = {"service_id": service["id"], "name": "Large", "price": taka("900.50"), "duration_minutes": 45}
    made = yard.vendor.done("POST", "/service-variants", large)
    assert {name: made[name] for name in large} == large
    refused = yard.vendor.ask("POST", "/service-variants", {**large, "name": "LARGE"})
    assert (refused.status_code, "of this name" in refused.json()["detail"]) == (409, True)
    changed = yard.admin.done("PATCH", f"/service-variants/{made['id']}", {"price": taka("950.00")})
    assert (changed["price"], changed["duration_minutes"]) == (taka("950.00"), 45)
    replaced = yard.vendor.done("PUT", f"/service-variants/{made['id']}", {"name": "XL", "price": taka("999.00")})
    assert (replaced["name"], replaced["duration_minutes"]) == ("XL", None)
    yard.vendor.done("DELETE", f"/service-variants/{small['id']}")
    shown = yard.customer.done("GET", f"/services/customer/{service['id']}")
    assert [variant["name"] for variant in shown["variants"]] == ["XL"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", taka("0.00")),
        ("price", taka("1.005")),
        ("price", taka("-5.00")),
        ("price", {"amount": 5.0, "currency": "BDT"}),
        ("duration_minutes", 0),
        ("name", " "),
        ("name", "x" * 76),
    ],
)
def test_L3_a_variant_that_makes_no_sense_is_refused_by_its_field(yard, field, value):
    fields = {"service_id": 1, "name": "Large", "price": taka("80.00"), field: value}
    answer = yard.vendor.ask("POST", "/service-variants", fields)
    assert answer.status_code == 422
    assert any(name.startswith(field) for name in answer.json()["errors"])


def test_L3_customers_search_page_by_page(yard):
    ids = [yard.offer(name=f"Zither tuning {n}", description="Strings.")[0]["id"] for n in range(3)]
    yard.offer(name="Zither tuning in secret", approved=False)
    path = "/services/customer?q=zithers&limit=2"
    first = yard.customer.done("GET", path)
    second = yard.customer.done("GET", f"{path}&cursor={first['next']}")
    assert [item["id"] for item in (*first["items"], *second["items"])] == ids[::-1]
    assert second["next"] is None
    foreign = yard.customer.ask("GET", f"/services/customer?q=harps&cursor={first['next']}")
    assert foreign.status_code == 422
    assert yard.customer.done("GET", "/services/customer?q=zithers&category_id=1")["items"] == []


def test_L3_images_of_a_service_are_added_ordered_and_removed(yard):
    service, _variant = yard.offer()
    path = f"/services/{service['id']}/images"
    made = [
        yard.vendor.done("POST", path, files={"file": ("a.png", picture(), "image/png")})["id"] for _image in range(2)
    ]
    assert yard.rival.ask("POST", path, files={"file": ("a.png", picture())}).status_code == 404
    assert yard.vendor.ask("POST", path, files={"file": ("a.png", b"<svg/>")}).status_code == 422
    yard.vendor.done("PUT", path, {"order": made[::-1]})
    shown = yard.customer.done("GET", f"/services/customer/{service['id']}")["images"]
    assert [image["id"] for image in shown] == made[::-1]
    assert yard.rival.ask("DELETE", f"{path}/{made[0]}").status_code == 404
    yard.admin.done("DELETE", f"{path}/{made[0]}")
    yard.vendor.done("DELETE", f"/services/{service['id']}")
    assert yard.market.query("SELECT * FROM media_objects WHERE id = ANY(:ids)", ids=made) == []


def test_L3_where_it_is_configured_new_words_need_a_new_approval(yard):
    service, variant = yard.offer()
    settings = section(yard.market.registry, "services")
    settings["changes_need_approval"] = True
    try:
        yard.vendor.done("PATCH", f"/service-variants/{variant['id']}", {"price": taka("10.00")})
        yard.vendor.done("PATCH", f"/services/{service['id']}", {"name": service["name"]})
        yard.admin.done("PATCH", f"/services/{service['id']}", {"description": "As the admin says."})
        assert yard.customer.ask("GET", f"/services/customer/{service['id']}").status_code == 200
        yard.vendor.done("PATCH", f"/services/{service['id']}", {"description": "Something else."})
        assert yard.customer.ask("GET", f"/services/customer/{service['id']}").status_code == 404
        assert "changed" in yard.vendor.done("GET", f"/services/{service['id']}")["reason"]
    finally:
        settings["changes_need_approval"] = False
