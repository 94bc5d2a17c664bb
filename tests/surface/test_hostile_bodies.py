"""Nothing that is sent makes a fault or leaves a trace: every field and body of every operation, hostile."""

from __future__ import annotations

import gzip
import json
import os
import uuid
from itertools import count, islice

import pytest

from . import corpus
from .people import PASSWORD
from .tables import counts
from .world import World

PROBLEM = "application/problem+json"
# Every third value for one field and others for the next; all of them for each if there is time.
STEP = 1 if os.environ.get("MARKETCORE_LONG") else 3


@pytest.fixture(scope="module")
def document(people):
    return people.http.get("/api/openapi.json").json()


@pytest.fixture(scope="module")
def world(people):
    return World(people)


@pytest.fixture(scope="module")
def everyone(people):
    """A token of somebody with all roles."""
    return people.new("buyer", "seller", "admin").access


def with_bodies(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                yield method.upper(), path, operation, content["application/json"]["schema"]


def place(path, world):
    return path.format(**world.ids())


class Sender:
    """Sends the bodies of one operation and judges the answers."""

    def __init__(self, people, world, everyone, method, path, operation):
        self.people, self.token, self.method = people, everyone, method
        self.path = place(path, world)
        self.documented = set(operation["responses"])
        self.name = operation["operationId"]

    def send(self, content, **headers):
        given = {"Content-Type": "application/json", **headers}
        return self.people.ask(self.method, self.path, self.token, content=content, headers=given)

    def refuse(self, label, content, **headers):
        """Send what can never be right."""
        answer = self.send(content, **headers)
        self.check_problem(label, answer)
        return answer

    def check_problem(self, label, answer):
        about = f"{self.name}, {label}: {answer.status_code} {answer.text[:300]}"
        assert 400 <= answer.status_code < 500, about
        assert answer.headers["content-type"] == PROBLEM, about
        assert len(answer.content) < 5_000, f"repeats what was sent: {about}"
        assert answer.json()["status"] == answer.status_code, about
        assert str(answer.status_code) in self.documented, f"undocumented: {about}"


@pytest.fixture
def senders(people, document, world, everyone):
    return [
        (Sender(people, world, everyone, method, path, operation), schema)
        for method, path, operation, schema in with_bodies(document)
    ]


@pytest.mark.timeout(400)
def test_every_field_of_every_body_survives_the_corpus(people, document, senders):
    components, turns = document["components"]["schemas"], count()
    for sender, schema in senders:
        before, changed = counts(people.market), False
        for path in corpus.fields(schema, components):
            body = corpus.complete(schema, components, path)
            for label, value in islice(corpus.VALUES.items(), next(turns) % STEP, None, STEP):
                answer = sender.send(corpus.replaced(body, path, value))
                changed |= answer.is_success
                if not answer.is_success:
                    sender.check_problem(f"{'.'.join(path)} = {label}", answer)
                    names_the_field(sender, answer, path, label)
        assert changed or counts(people.market) == before, f"{sender.name} was refused and has written"


def names_the_field(sender, answer, path, label):
    if answer.status_code == 422 and "errors" in answer.json():
        assert answer.json()["errors"], (sender.name, path, label, answer.text)
    else:
        # Unreadable, too large, or valid in itself and refused by the state of things.
        assert answer.status_code in (400, 401, 403, 404, 409, 413), (sender.name, path, label, answer.text)


def test_values_of_a_wrong_type_are_refused_with_the_fields_name(document, senders):
    components = document["components"]["schemas"]
    for sender, schema in senders:
        for path in corpus.fields(schema, components):
            kind = _type(schema, components, path)
            body = corpus.complete(schema, components, path)
            for label, value in corpus.VALUES.items():
                if kind and _wrong(kind, label):
                    answer = sender.refuse(f"{'.'.join(path)} = {label}", corpus.replaced(body, path, value))
                    if answer.status_code == 422:
                        told = answer.json()["errors"]
                        assert any(name.startswith(".".join(path)) for name in told), (sender.name, path, label, told)


WRONG = {
    "string": {"1", "1.5", "true", "empty list", "empty object", "NUL", "lone surrogate", "1e309", "NaN", "10^400"},
    "integer": {
        "1.5",
        "true",
        "text of a number",
        "empty list",
        "empty object",
        "NaN",
        "2^63",
        "10^400",
        "1e309",
        "-1",
    },
    "boolean": {"1", "text of a number", "empty list", "empty object", "NaN", "0"},
    "array": {"1", "true", "empty text", "empty object", "list of null"},
    "object": {"1", "true", "empty text", "empty list"},
}


def _wrong(kind, label):
    return label in WRONG[kind]


def _type(schema, components, path):
    for name in path:
        schema = corpus.resolve(schema, components)["properties"][name]
    return corpus.resolve(schema, components).get("type")


def test_fields_nobody_may_set_are_refused_in_every_object(people, document, senders):
    components = document["components"]["schemas"]
    for sender, schema in senders:
        before = counts(people.market)
        for path in corpus.objects(schema, components):
            if _type(schema, components, path) != "object":
                continue
            known = {p[-1] for p in corpus.fields(schema, components) if p[:-1] == path}
            for name in set(corpus.FORBIDDEN_FIELDS) - known:
                body = corpus.complete(schema, components, (*path, name))
                answer = sender.refuse(f"extra {name}", corpus.replaced(body, (*path, name), '"admin"'))
                assert answer.status_code == 422, (sender.name, path, name, answer.text)
                assert any(key.endswith(name) for key in answer.json()["errors"]), answer.text
        assert counts(people.market) == before, sender.name


def test_whole_bodies_that_are_no_object_are_refused(people, document, senders):
    for sender, _schema in senders:
        before, optional = counts(people.market), _optional(document, sender)
        for label, content in corpus.BODIES.items():
            if not (optional and label == "nothing"):
                sender.refuse(label, content)
        assert counts(people.market) == before, sender.name


def _optional(document, sender):
    found = [o for ops in document["paths"].values() for o in ops.values() if o["operationId"] == sender.name]
    return not found[0]["requestBody"]["required"]


def test_other_content_types_and_encodings_are_refused(people, document, senders):
    components = document["components"]["schemas"]
    for sender, schema in senders:
        before = counts(people.market)
        fine = json.dumps(corpus.minimal(schema, components)).encode()
        for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "a"):
            answer = sender.refuse(kind, fine, **{"Content-Type": kind})
            assert answer.status_code == 415, (sender.name, kind, answer.text)
        for encoding, content in (("gzip", gzip.compress(fine)), ("gzip", fine), ("br", fine)):
            answer = sender.refuse(encoding, content, **{"Content-Encoding": encoding})
            assert answer.status_code == 415, (sender.name, encoding, answer.text)
        sender.refuse("UTF-16 declared", fine.decode().encode("utf-16"), **{"Content-Type": "application/json"})
        assert counts(people.market) == before, sender.name


def test_a_name_given_twice_is_refused(people, document, senders):
    components = document["components"]["schemas"]
    for sender, schema in senders:
        before = counts(people.market)
        for path in corpus.fields(schema, components):
            if len(path) == 1:
                twice = json.dumps(path[0]).encode() + b": 1"
                answer = sender.refuse("twice", b"{" + twice + b", " + twice + b"}")
                assert answer.status_code == 400, (sender.name, path, answer.text)
        assert counts(people.market) == before, sender.name


def test_text_from_right_to_left_is_kept_as_it_was_given(people, everyone):
    title = f"\u202e\u05e9\u05dc\u05d5\u05dd \ufeff {uuid.uuid4().hex}"
    made = people.ask("POST", "/api/v1/products", everyone, {"title": title})
    assert made.status_code == 201
    assert made.json()["title"] == title


NAMED = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
FORM = "multipart/form-data; boundary=x"
NO_PICTURES = (
    ("nothing", b"", FORM),
    ("no boundary", b"--x\r\n\r\n--x--", "multipart/form-data"),
    ("cut off", NAMED + b"ab", FORM),
    ("no name", b"--x\r\nContent-Disposition: form-data\r\n\r\nab\r\n--x--\r\n", FORM),
    ("a text field", NAMED.replace(b'; filename="a"', b"") + b"ab\r\n--x--\r\n", FORM),
    ("no picture", NAMED + b"\xff\xfe\r\n--x--\r\n", FORM),
    ("strange name", NAMED.replace(b'"a"', b'"\xff"') + b"ab\r\n--x--\r\n", FORM),
    ("strange charset", NAMED + b"ab\r\n--x--\r\n", f"{FORM}; charset=nonsense"),
    ("JSON", b"{}", "application/json"),
)


def test_an_upload_that_is_no_picture_is_refused(people, world):
    before = counts(people.market)
    token = world.seller.access
    for path in (f"/api/v1/products/{world.product['id']}/images", "/api/v1/users/me/picture"):
        for label, content, kind in NO_PICTURES:
            answer = people.ask("POST", path, token, content=content, headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (path, label, answer.text)
            assert answer.headers["content-type"] == PROBLEM
    assert counts(people.market) == before


def test_a_password_is_never_repeated_in_a_refusal(people):
    answer = people.ask(
        "POST", "/api/v1/auth/register", None, {"email": "x", "password": PASSWORD, "is_admin": PASSWORD}
    )
    assert answer.status_code == 422
    assert PASSWORD not in answer.text
