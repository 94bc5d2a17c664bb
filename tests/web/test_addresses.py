"""Routes found by how an address begins are those that Pyramid finds by trying all of them."""

from __future__ import annotations

from typing import Any

import pytest
from pyramid.interfaces import IRoutesMapper
from pyramid.request import Request
from pyramid.urldispatch import RoutesMapper

from marketcore.testing.market import Market
from marketcore.web.addresses import RouteIndex

PATTERNS = {
    "things": "/api/v1/things",
    "slashed": "/api/v1/things/",
    "new": "/api/v1/things/new",
    "thing": "/api/v1/things/{thing_id:[0-9]{1,18}}",
    "parts": "/api/v1/things/{thing_id}/parts",
    "anything": "/api/{version}/things",
    "files": "__files/*subpath",
    "word": "/api/v1/{word}",
    "ends": "/api/v1/thing{number}",
    "rest": "/{a}/{b}/{c}/*rest",
    "root": "/",
}
PATHS = [
    "", "/", "//", "/api", "/api/v1", "/api/v1/", "/api/v1/things", "/api/v1/things/", "/api/v1/things/new",
    "/api/v1/things/7", "/api/v1/things/7/parts", "/api/v2/things", "/api/v1/thing9", "/api/v1/other", "/__files/a/b",
    "/__files", "/x/y/z/1/2", "/api/v1/things/7/x", "/API/v1/things", "/api//v1/things", "/api/v1/things%2f7",
]  # fmt: skip


def found(mapper: Any, path: str) -> tuple[str | None, Any]:
    answer = mapper(Request({"PATH_INFO": path, "REQUEST_METHOD": "GET"}))
    return (answer["route"].name if answer["route"] else None), answer["match"]


def both(patterns: dict[str, str]) -> tuple[RouteIndex, RoutesMapper]:
    index, plain = RouteIndex(), RoutesMapper()
    for name, pattern in patterns.items():
        index.connect(name, pattern)
        plain.connect(name, pattern)
    return index, plain


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("order", [1, -1])
def test_the_first_route_in_order_that_fits_is_found(path: str, order: int) -> None:
    index, plain = both(dict(list(PATTERNS.items())[::order]))
    assert found(index, path) == found(plain, path)


def test_a_route_that_is_added_or_replaced_later_is_found() -> None:
    index, _plain = both(PATTERNS)
    assert found(index, "/late")[0] is None
    index.connect("late", "/late")
    assert found(index, "/late")[0] == "late"
    index.connect("late", "/later")
    assert found(index, "/late")[0] is None


def test_the_platform_looks_its_routes_up_so(market: Market) -> None:
    mapper = market.registry.getUtility(IRoutesMapper)
    assert isinstance(mapper, RouteIndex)
    assert len(mapper._shelf("/api/v1/carts").routelist) < len(mapper.get_routes()) / 4
