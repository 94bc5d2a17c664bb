"""The permission table of services, row by row: who may, who may not, and to whom it is not there."""

from __future__ import annotations

import pytest

SERVICE = {"name": "Battery exchange", "description": "While you wait."}
CALLERS = ("vendor", "rival", "customer", "admin", "nobody")
# Method, address, body, and what vendor (whose service it is), another vendor, customer, admin and nobody are told.
TABLE = {
    # Vendor & Admin CRUD
    "list services": ("GET", "/services", None, (200, 200, 403, 200, 401)),
    "retrieve a service": ("GET", "/services/{service}", None, (200, 404, 403, 200, 401)),
    "create a service": ("POST", "/services", SERVICE, (201, 201, 403, 403, 401)),
    "update a service fully": ("PUT", "/services/{service}", SERVICE, (200, 404, 403, 200, 401)),
    "update a service": ("PATCH", "/services/{service}", {"name": "Other"}, (200, 404, 403, 200, 401)),
    "delete a service": ("DELETE", "/services/{service}", None, (204, 404, 403, 204, 401)),
    # Service Variants (Vendor & Admin CRUD)
    "list variants": ("GET", "/service-variants", None, (200, 200, 403, 200, 401)),
    "retrieve a variant": ("GET", "/service-variants/{variant}", None, (200, 404, 403, 200, 401)),
    "create a variant": ("POST", "/service-variants", "variant", (201, 404, 403, 403, 401)),
    "update a variant fully": ("PUT", "/service-variants/{variant}", "full", (200, 404, 403, 200, 401)),
    "update a variant": ("PATCH", "/service-variants/{variant}", {"name": "Large"}, (200, 404, 403, 200, 401)),
    "delete a variant": ("DELETE", "/service-variants/{variant}", None, (204, 404, 403, 204, 401)),
    # Customer-facing endpoints
    "list approved services": ("GET", "/services/customer", None, (403, 403, 200, 403, 401)),
    "retrieve an approved service": ("GET", "/services/customer/{service}", None, (403, 403, 200, 403, 401)),
    # Admin Approve/Unapprove Service
    "approve a service": ("PATCH", "/services/{service}/approval", {"approved": True}, (403, 403, 403, 200, 401)),
    "unapprove a service": ("PATCH", "/services/{service}/approval", {"approved": False}, (403, 403, 403, 200, 401)),
}
PRICE = {"amount": "80.00", "currency": "BDT"}


@pytest.mark.parametrize("row", TABLE)
def test_L3_every_row_of_the_permission_table(yard, row):
    method, address, body, told = TABLE[row]
    found = []
    for caller, status in zip(CALLERS, told, strict=True):
        if not found or found[-1] in (200, 201, 204):
            service, variant = yard.offer()
        fields = {"name": f"Large, for {caller}", "price": PRICE}
        given = (
            {"variant": {**fields, "service_id": service["id"]}, "full": fields}.get(body)
            if isinstance(body, str)
            else body
        )
        path = address.format(service=service["id"], variant=variant["id"])
        answer = getattr(yard, caller).ask(method, path, given)
        found.append(answer.status_code)
        assert answer.status_code == status, (caller, answer.text)


def test_L3_admins_see_all_services_and_vendors_their_own(yard):
    mine, _variant = yard.offer(approved=False)
    theirs, _variant = yard.offer(approved=False, vendor=yard.rival)
    seen = {who: listed(getattr(yard, who), "/services") for who in ("vendor", "rival", "admin")}
    assert mine["id"] in seen["vendor"] - seen["rival"]
    assert theirs["id"] in seen["rival"] - seen["vendor"]
    assert {mine["id"], theirs["id"]} <= seen["admin"]
    assert listed(yard.rival, f"/services?vendor_id={mine['vendor']['id']}") == set()
    assert mine["id"] in listed(yard.admin, f"/services?vendor_id={mine['vendor']['id']}&approved=false")


def test_L3_admins_see_all_variants_and_vendors_their_own(yard):
    _service, mine = yard.offer()
    _service, theirs = yard.offer(vendor=yard.rival)
    seen = {who: listed(getattr(yard, who), "/service-variants") for who in ("vendor", "rival", "admin")}
    assert (mine["id"] in seen["vendor"], mine["id"] in seen["rival"]) == (True, False)
    assert {mine["id"], theirs["id"]} <= seen["admin"]
    assert listed(yard.rival, f"/service-variants?service_id={mine['service_id']}") == set()


def test_L3_a_customer_sees_only_approved_services(yard):
    service, variant = yard.offer(approved=False)
    path = f"/services/customer/{service['id']}"
    assert yard.customer.ask("GET", path).status_code == 404
    assert service["id"] not in listed(yard.customer, "/services/customer")
    yard.decide(service, True)
    shown = yard.customer.done("GET", path)
    assert [item["id"] for item in shown["variants"]] == [variant["id"]]
    assert shown["variants"][0]["price"] == {"amount": "750.00", "currency": "BDT"}
    assert not {"approved", "reason"} & shown.keys()
    assert service["id"] in listed(yard.customer, "/services/customer")
    yard.decide(service, False)
    assert yard.customer.ask("GET", path).status_code == 404
    assert service["id"] not in listed(yard.customer, "/services/customer")


def listed(who, path):
    return {item["id"] for item in who.done("GET", f"{path}{'&' if '?' in path else '?'}limit=100")["items"]}
