"""Accounts as their owners, admins and everybody else see them."""

from __future__ import annotations

import pytest

ME = "/api/v1/users/me"


def test_M16_an_owner_changes_names_and_number_and_nothing_else_moves(people):
    ann = people.register(first_name="Ann", phone="0712345678")
    before = people.me(ann.access).json()
    answer = people.call("PATCH", ME, ann.access, json={"last_name": "Wanjiru", "username": "Ann.Shop"})
    assert answer.status_code == 200
    assert answer.json() == {**before, "last_name": "Wanjiru", "username": "Ann.Shop"}
    assert people.call("PATCH", ME, ann.access, json={"phone": ""}).json()["phone"] == ""
    assert people.call("PATCH", ME, ann.access, json={}).json()["first_name"] == "Ann"


FOREIGN = {
    "id": 1,
    "email": "root@example.com",
    "password": "another good secret",
    "password_hash": "x",
    "role": "admin",
    "roles": ["admin"],
    "is_admin": True,
    "blocked": False,
    "blocked_at": None,
    "blocked_reason": "",
    "picture_id": 1,
    "created_at": "2020-01-01T00:00:00Z",
    "balance": {"amount": "1.00", "currency": "KES"},
}


def test_a_field_that_is_not_the_owners_to_change_changes_nothing(market, people):
    ann = people.register()
    before = market.query("SELECT * FROM users")
    seen = {}
    for field, value in FOREIGN.items():
        answer = people.call("PATCH", ME, ann.access, json={"first_name": "Eve", field: value})
        seen[field] = (answer.status_code, field in str(answer.json()["errors"]))
    assert seen == dict.fromkeys(FOREIGN, (422, True))
    assert market.query("SELECT * FROM users") == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_name", "x" * 101),
        ("first_name", "two\nlines"),
        ("last_name", None),
        ("phone", "+1 (555) CALL"),
        ("username", "an"),
        ("username", "ann@example.com"),
        ("username", ["ann"]),
    ],
)
def test_an_unfit_value_is_refused_by_name(people, field, value):
    answer = people.call("PATCH", ME, people.register().access, json={field: value})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


def test_somebody_elses_username_stays_theirs(people):
    people.register(username="AnnsShop")
    bob = people.register(username="bob")
    answer = people.call("PATCH", ME, bob.access, json={"username": "ANNSSHOP"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:marketcore:problem:username-taken"
    assert people.call("PATCH", ME, bob.access, json={"username": "BOB"}).json()["username"] == "BOB"


def test_everybody_sees_a_name_and_nothing_private(people):
    ann = people.register(username="annsshop", first_name="Ann", last_name="Wanjiru", phone="0712345678")
    answer = people.call("GET", f"/api/v1/users/{ann.id}")
    assert answer.json() == {"id": ann.id, "username": "annsshop", "first_name": "Ann"}
    assert people.call("GET", "/api/v1/users/999999").status_code == 404
    assert people.call("GET", "/api/v1/users/0").status_code == 404


def test_an_admin_pages_through_accounts_and_finds_one(people):
    admin = people.admin()
    ids = [people.register(email=f"person{number}@example.com", first_name=f"N{number}").id for number in range(5)]
    seen, cursor = [], {}
    while True:
        page = people.call("GET", "/api/v1/users", admin.access, params={"limit": 2, **cursor}).json()
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [*reversed(ids), admin.id]

    def found(q):
        items = people.call("GET", "/api/v1/users", admin.access, params={"q": q}).json()["items"]
        return [item["id"] for item in items]

    assert found("PERSON3@") == [ids[3]]
    assert found("n4") == [ids[4]]
    assert found("100%") == []
    assert found("' OR 1=1 --") == []


def test_only_an_admin_lists_accounts(people):
    assert people.call("GET", "/api/v1/users").status_code == 401
    answer = people.call("GET", "/api/v1/users", people.register(role="both").access)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:marketcore:problem:forbidden"
