"""The OpenAPI document is valid, complete and exact, with every plugin and with none."""

from __future__ import annotations

import pytest
from openapi_spec_validator import validate

from marketcore.testing.market import Market
from marketcore.web.openapi import build_document

from .addresses import addresses

# Objects that are described by whoever fills them, not by us.
FREE = {
    ("ListingDocument", "details"): "what the kind of listing adds",
    ("NextActionDocument", "data"): "what the provider asks the payer to do",
    ("NotificationDocument", "data"): "what the type of notification tells of",
    ("DestinationDetails",): "what the provider needs to pay somebody there",
    ("Payer",): "what the provider asks of the payer; see the provider's options",
    ("ProblemDocument",): "problem documents may say more (RFC 9457, section 3.2)",
    ("ProblemDocument", "errors"): "texts by the path of the field",
}
# Not for programs that read the document: pages, files, metrics, and calls whose form their senders dictate.
UNDOCUMENTED = {
    "GET social_login.callback": "browsers come there from a provider, with parameters of its own",
    "GET __static/": "files of the documentation page",
    "GET __storefront/": "files of the storefront's pages",
    "GET metrics": "Prometheus' own format",
    "GET openapi.document": "the document itself",
    "GET openapi.docs": "a page for people",
    "GET asyncapi.document": "the document of the live API",
    "GET asyncapi.docs": "a page for people",
    "GET media.variant": "a picture",
    "POST payments.hook": "in the form of the provider",
    "POST payments.hook.token": "in the form of the provider",
    "POST payments_mpesa.confirmation": "in the form of Daraja",
    "POST payments_mpesa.validation": "in the form of Daraja",
    "GET storefront.home": "a page for people",
    "GET storefront.auction": "a page for people",
    "GET razorpay.pay": "a page for people",
    "GET razorpay.status": "a page for people",
    "GET razorpay.cancelled": "where a gateway sends people back to",
    "POST razorpay.back": "in the form of the gateway",
}


def document_of(market: Market):
    return build_document(market.registry, market.registry.introspector)


@pytest.fixture
def plain(make_settings):
    built = Market(make_settings())
    yield document_of(built)
    built.close()


@pytest.fixture
def full(whole):
    return document_of(whole)


def operations(document):
    return [operation for operations in document["paths"].values() for operation in operations.values()]


def test_B12_L6_the_document_of_every_plugin_is_valid_and_served(people, full):
    served = people.http.get("/api/openapi.json")
    validate(served.json())
    assert set(served.json()["paths"]) == set(full["paths"])


def test_the_document_of_the_core_alone_is_valid(plain):
    validate(plain)
    assert len(operations(plain)) > 40


def test_operation_ids_are_unique(full):
    ids = [operation["operationId"] for operation in operations(full)]
    assert len(ids) == len(set(ids))


def test_every_address_is_in_the_document_or_named_here_with_its_reason(people, full):
    known = {operation["operationId"] for operation in operations(full)}
    for address in addresses(people.market.registry):
        operation_id = f"{address.method.lower()}_{address.route.replace('.', '_')}"
        assert (operation_id in known) != (str(address) in UNDOCUMENTED), str(address)


def test_a_plugin_that_is_not_enabled_is_not_in_the_document(plain, full):
    assert set(plain["paths"]) <= set(full["paths"])
    assert not [name for name in plain["components"]["schemas"] if "." in name]


def test_every_operation_says_what_it_does_and_what_a_success_answers(full):
    for operation in operations(full):
        assert operation["summary"], operation["operationId"]
        successes = [status for status in operation["responses"] if status.startswith("2")]
        assert successes, operation["operationId"]
        for status in successes:
            assert status == "204" or operation["responses"][status]["content"], operation["operationId"]


def test_every_answers_schema_is_exact(full):
    found = {}
    for name, schema in full["components"]["schemas"].items():
        collect(schema, (name,), found)
    assert set(found) == set(FREE), "free-form objects: describe their fields, or say in FREE why they are free"


def collect(schema, path, found):
    """Find objects that say nothing of what else they may hold."""
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        found[path] = schema
    for name, child in schema.get("properties", {}).items():
        collect(child, (*path, name), found)
    for child in (*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())):
        collect(child, path, found)


def test_every_text_and_list_of_a_request_has_a_limit(full):
    """Lists and texts without one are asked for at the length of the whole body."""
    bodies = [o["requestBody"]["content"].get("application/json") for o in operations(full) if "requestBody" in o]
    for body in filter(None, bodies):
        limited(body["schema"], full["components"]["schemas"])


def limited(schema, components):
    if "$ref" in schema:
        return limited(components[schema["$ref"].rsplit("/", 1)[1]], components)
    if schema.get("type") == "array":
        assert "maxItems" in schema, schema
        limited(schema["items"], components)
    if schema.get("type") == "string":
        assert {"maxLength", "enum", "format", "pattern"} & set(schema), schema
    for child in schema.get("properties", {}).values():
        limited(child, components)
    return None
