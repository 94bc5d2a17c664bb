"""Seller profiles: L2's table of permissions row by row, what the public sees, verification."""

from __future__ import annotations

import pytest

from marketcore.events import SellerRated, SellerVerified
from marketcore.exceptions import ConfigurationError
from marketcore.settings import check_section
from marketcore_vendors.settings import VendorSettings

from .people import PROFILE, photo

VENDORS = "/api/v1/vendors"
# The table of the source: what each may do with /vendors/ and /vendors/<id>/ of their own and of somebody else.
# A foreign profile is not there (404), as everywhere; who has no role for it at all is told so (403).
TABLE = [
    # method, whose,      anonymous, buyer, vendor, admin
    ("GET", "list", 401, 403, 200, 200),
    ("POST", "new", 401, 403, 201, 403),
    ("GET", "own", 401, 403, 200, 200),
    ("GET", "foreign", 401, 403, 404, 200),
    ("PUT", "own", 401, 403, 200, 200),
    ("PUT", "foreign", 401, 403, 404, 200),
    ("PATCH", "own", 401, 403, 200, 200),
    ("PATCH", "foreign", 401, 403, 404, 200),
    ("DELETE", "foreign", 401, 403, 404, 204),
    ("DELETE", "own", 401, 403, 403, 204),
]
BODIES = {"POST": PROFILE, "PUT": {**PROFILE, "brand_name": "Another"}, "PATCH": {"brand_name": "Another"}}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-{row[1]}")
def test_L2_the_table_of_permissions_holds_row_by_row(quarter, row):
    method, whose, *expected = row
    vendor, other = quarter.seller(profile=whose != "new"), quarter.seller(profile=True)
    path = {"list": VENDORS, "new": VENDORS, "own": vendor.path, "foreign": other.path}[whose]
    for http, status in zip(
        (quarter.nobody, quarter.buyer.http, vendor.http, quarter.admin.http), expected, strict=True
    ):
        answer = http.request(method, path, json=BODIES.get(method))
        assert answer.status_code == status, (method, path, answer.text)


def test_L2_an_admin_lists_all_profiles_and_a_vendor_only_their_own(quarter):
    one, two = quarter.seller(), quarter.seller()
    assert [item["id"] for item in one.http.get(VENDORS).json()["items"]] == [one.id]
    seen, cursor = [], None
    while True:
        page = quarter.admin.http.get(VENDORS, params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert {one.id, two.id} <= set(seen)
    assert quarter.seller(profile=False).http.get(VENDORS).json()["items"] == []


def test_M2_S1_a_profile_is_written_changed_replaced_and_read_by_everybody_in_its_public_part(quarter):
    vendor = quarter.seller(profile=False)
    assert quarter.nobody.get(f"/api/v1/sellers/{vendor.id}").status_code == 404
    made = vendor.http.post(VENDORS, json=PROFILE)
    assert (made.status_code, made.json()["verified"], made.json()["rating"]) == (201, False, None)
    assert vendor.http.post(VENDORS, json=PROFILE).status_code == 409
    changed = vendor.http.patch(vendor.path, json={"biography": "New."}).json()
    assert (changed["biography"], changed["brand_name"], changed["address"]["city"]) == (
        "New.",
        PROFILE["brand_name"],
        "Nairobi",
    )
    replaced = vendor.http.put(vendor.path, json={"brand_name": "Ciondo"}).json()
    assert (replaced["business_name"], replaced["biography"], replaced["address"]["city"]) == ("", "", "")
    vendor.http.put(vendor.path, json=PROFILE)
    public = quarter.nobody.get(f"/api/v1/sellers/{vendor.id}").json()
    assert (public["brand_name"], public["city"], public["country"]) == (PROFILE["brand_name"], "Nairobi", "KE")
    assert public.keys().isdisjoint({"address", "business_name", "verified_at"})


def test_M2_bad_fields_are_refused_by_name_and_nothing_is_written(quarter):
    vendor = quarter.seller()
    for body, field in (
        ({"brand_name": " "}, "brand_name"),
        ({"brand_name": "two\nlines"}, "brand_name"),
        ({"biography": "x" * 4001}, "biography"),
        ({"address": {"country": "Kenya"}}, "address.country"),
        ({"verified": True}, "verified"),
        ({"rating": 5}, "rating"),
    ):
        answer = vendor.http.patch(vendor.path, json=body)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert vendor.http.get(vendor.path).json()["brand_name"] == PROFILE["brand_name"]


def test_M2_a_profile_has_a_picture_that_its_owner_changes_and_removes(quarter):
    vendor, path = quarter.seller(), "/api/v1/sellers/"
    first = vendor.http.post(f"{vendor.path}/picture", files={"file": ("a.png", photo())})
    assert first.status_code == 201, first.text
    assert quarter.seller().http.post(f"{vendor.path}/picture", files={"file": ("a.png", photo())}).status_code == 404
    svg = vendor.http.post(f"{vendor.path}/picture", files={"file": ("a.png", b"<svg onload='alert(1)'/>")})
    assert svg.status_code == 422
    second = vendor.http.post(f"{vendor.path}/picture", files={"file": ("b.png", photo("red"))}).json()
    quarter.run_jobs()
    shown = quarter.nobody.get(f"{path}{vendor.id}").json()["picture"]
    assert (shown["id"], shown["state"]) == (second["id"], "ready")
    assert quarter.market.query("SELECT * FROM media_objects WHERE id = :id", id=first.json()["id"]) == []
    assert vendor.http.delete(f"{vendor.path}/picture").status_code == 204
    assert quarter.nobody.get(f"{path}{vendor.id}").json()["picture"] is None


def test_M2_S1_an_admin_verifies_and_revokes_with_a_reason_and_each_change_is_told_once(quarter, facts):
    vendor, path = quarter.seller(), f"{VENDORS}/{{}}/verification"
    mine = path.format(vendor.id)
    assert vendor.http.put(mine, json={"verified": True}).status_code == 403
    for _twice in range(2):
        answer = quarter.admin.http.put(mine, json={"verified": True, "reason": "Welcome."})
        assert (answer.status_code, answer.json()["verified"]) == (200, True), answer.text
    assert quarter.nobody.get(f"/api/v1/sellers/{vendor.id}").json()["verified"] is True
    assert vendor.id in [
        item["id"] for item in quarter.admin.http.get(f"{VENDORS}?verified=true&limit=100").json()["items"]
    ]
    unexplained = quarter.admin.http.put(mine, json={"verified": False, "reason": " "})
    assert list(unexplained.json()["errors"]) == ["reason"]
    quarter.admin.http.put(mine, json={"verified": False, "reason": "Complaints."})
    assert facts(SellerVerified) == [SellerVerified(vendor.id, True), SellerVerified(vendor.id, False)]
    assert vendor.told() == ["vendor.verified", "vendor.revoked"]
    heard = [(type, data["verified"], data["reason"]) for type, data in vendor.heard()]
    assert heard == [("vendor.verified", True, "Welcome."), ("vendor.revoked", False, "Complaints.")]
    admin = f"user:{quarter.admin.id}"
    assert quarter.audited("vendor", vendor.id) == [(admin, "vendor.verify"), (admin, "vendor.revoke")]
    assert quarter.admin.http.put(path.format(quarter.buyer.id), json={"verified": True}).status_code == 404


def test_M2_nobody_verifies_themselves_and_a_removed_profile_is_not_verified_any_more(quarter, facts):
    vendor = quarter.seller()
    quarter.market.query("UPDATE users SET roles = '{seller,admin}' WHERE id = :id", id=vendor.id)
    assert vendor.http.put(f"{vendor.path}/verification", json={"verified": True}).status_code == 403
    quarter.admin.http.put(f"{vendor.path}/verification", json={"verified": True})
    quarter.market.query("UPDATE users SET roles = '{seller}' WHERE id = :id", id=vendor.id)
    quarter.admin.http.patch(vendor.path, json={"brand_name": "Renamed"})
    assert quarter.admin.http.delete(vendor.path).status_code == 204
    assert facts(SellerVerified)[-1] == SellerVerified(vendor.id, False)
    acts = [act for _actor, act in quarter.audited("vendor", vendor.id)]
    assert acts == ["vendor.verify", "vendor.change", "vendor.delete"]


def test_M2_the_average_rating_and_its_count_follow_what_buyers_say(quarter):
    vendor = quarter.seller(profile=False)
    for average, count in ((400, 1), (367, 3)):
        quarter.market.perform(lambda request, fact=(vendor.id, average, count): request.emit(SellerRated(*fact)))
    vendor.http.post(VENDORS, json=PROFILE)
    assert quarter.nobody.get(f"/api/v1/sellers/{vendor.id}").json()["rating"] == {"average": "3.67", "count": 3}
    quarter.market.perform(lambda request: request.emit(SellerRated(vendor.id, 0, 0)))
    assert vendor.http.get(vendor.path).json()["rating"] is None


def test_settings_that_contradict_each_other_stop_the_start():
    for key, value in (
        ("verification_requires", "passport"),
        ("kyc_kinds", "Identity"),
        ("kyc_kinds", "identity identity"),
        ("kyc_warn_days", "-1"),
    ):
        with pytest.raises(ConfigurationError, match=f"vendors.{key}"):
            check_section("vendors", VendorSettings(), {f"vendors.{key}": value})
