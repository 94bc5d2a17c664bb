"""What every address shares: health, documentation, problem documents, request ids."""

from __future__ import annotations

from openapi_spec_validator import validate


def test_health_and_readiness_answer(market):
    with market.client() as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        assert http.get("/readyz").json() == {"status": "ok"}


def test_an_unknown_address_is_a_problem_document_with_the_request_id(market):
    with market.client() as http:
        answer = http.get("/api/v1/nothing", headers={"X-Request-Id": "abcdefgh12345678"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:marketcore:problem:not-found"
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"] == "abcdefgh12345678"


def test_a_trailing_slash_is_tolerated(market):
    with market.client() as http:
        assert http.get("/healthz/").status_code == 200


def test_the_openapi_document_is_valid(market):
    with market.client() as http:
        document = http.get("/api/openapi.json").json()
    validate(document)
    assert document["openapi"] == "3.1.0"
    assert "/healthz" in document["paths"]


def test_B12_L6_the_documentation_page_needs_nothing_from_outside(market):
    with market.client() as http:
        page = http.get("/api/docs")
        assert page.status_code == 200
        assert "http://" not in page.text.replace(market.url, "")
        assert "https://" not in page.text
        assert http.get("/static/vendor/swagger-ui/swagger-ui-bundle.js").status_code == 200


def test_metrics_are_in_prometheus_text(market):
    with market.client() as http:
        http.get("/healthz")
        assert 'route="healthz"' in http.get("/metrics").text
