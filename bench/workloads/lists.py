"""Pages of the product list over HTTP, sixteen connections."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from urllib.parse import urlencode

from bench import goods
from bench.http_load import drive, request_bytes
from bench.market import Market
from bench.measuring import DJANGO, MARKETCORE, Target, Workload
from bench.stage import Stage

CONNECTIONS = 16
PAGE = 20
NEWEST = "catalog.listings newest None"
_DICE = random.Random(20261121)
_DEPTHS = [_DICE.randint(100, 1000) for _ in range(200)]
_RANGES = [(_DICE.randint(1, goods.CATEGORIES), _DICE.randint(10, 7000)) for _ in range(200)]
_WORDS = [_DICE.choice(goods.NOUNS) for _ in range(20)] + [
    f"{_DICE.choice(goods.ADJECTIVES)} {_DICE.choice(goods.NOUNS)}" for _ in range(20)
]


def market_queries(kind: str, market: Market, products: int = goods.PRODUCTS) -> list[dict[str, object]]:
    """Return what is asked of marketcore's list, one query string after the other."""
    if kind == "first":
        return [{}]
    if kind == "deep":
        depths = [depth * products // goods.PRODUCTS for depth in _DEPTHS]
        return [{"cursor": market.cursor(NEWEST, [products - depth * PAGE])} for depth in depths]
    if kind == "category":
        return [{"category": category, "min_price": low, "max_price": low + 2000} for category, low in _RANGES]
    return [{"q": words} for words in _WORDS]


def peer_queries(kind: str) -> list[dict[str, object]]:
    """Return what is asked of the peer's list: the same pages of the same products."""
    if kind == "first":
        return [{}]
    if kind == "deep":
        return [{"page": depth + 1} for depth in _DEPTHS]
    if kind == "category":
        return [{"category": category, "min_price": low, "max_price": low + 2000} for category, low in _RANGES]
    return [{"q": words} for words in _WORDS]


def requests(path: str, queries: list[dict[str, object]]) -> Iterator[bytes]:
    """Yield the requests of a list for ever."""
    return cycle([request_bytes("GET", f"{path}?{urlencode(query)}" if query else path) for query in queries])


def reading(ports: Callable[[], list[int]], asked: Iterator[bytes]) -> Callable[[float], float]:
    """Return the measurement of one side: pages per second."""
    return lambda seconds: drive(ports(), CONNECTIONS, lambda _slot: next(asked), seconds).require().rate


_KINDS = {
    "first": (15, "first page"),
    "deep": (15, "deep page (100 to 1,000)"),
    "category": (3.5, "category + price range"),
    "text": (6, "text search"),
}


def listing(kind: str, stage: Stage) -> Workload:
    """Return the workload of one kind of page."""
    target, title = _KINDS[kind]
    ours = requests("/api/v1/listings", market_queries(kind, stage.market))
    theirs = requests("/api/products", peer_queries(kind))
    return Workload(
        name=f"list-{kind}",
        title=f"Product list, {goods.PRODUCTS:,} products: {title}",
        unit="pages/s",
        sides={
            MARKETCORE: reading(stage.market.web_ports, ours),
            DJANGO: reading(stage.peer.web_ports, theirs),
        },
        targets=[Target("marketcore : Django", MARKETCORE, DJANGO, at_least=target)],
    )


WORKLOADS = {f"list-{kind}": partial(listing, kind) for kind in _KINDS}
