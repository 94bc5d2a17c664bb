"""Finding listings and products: one statement a page, its text fixed when this module is imported.

Pages are keyset pages. Which filters a request brings chooses one of a few dozen texts, so that each is planned for
exactly the conditions it has; what it brings is always bound, never written into a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from sqlalchemy import TextClause, text

from marketcore.catalog.words import FEW_HITS, HITS, MATCHES, NEWEST, STEPS, WANTED
from marketcore.db.planning import hide_values
from marketcore.exceptions import NotFound
from marketcore.money import MAX_MINOR

MAX_KEY = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of listings: its columns, what comes after a position, and the position before everything."""

    columns: str
    after: str
    start: tuple[int, ...]
    by: str = ""

    @property
    def by_price(self) -> bool:
        """Whether it compares prices, which have to be of one currency."""
        return self.by == "price_minor"

    def position(self, row: Any) -> tuple[int, ...]:
        """Return where ``row`` stands in this order."""
        return (getattr(row, self.by), row.id) if self.by else (row.id,)


SORTS: Mapping[str, Sort] = {
    "newest": Sort("l.id DESC", "l.id < :after_id", (MAX_KEY,)),
    "price": Sort("l.price_minor, l.id", "(l.price_minor, l.id) > (:after_value, :after_id)", (-1, -1), "price_minor"),
    "-price": Sort(
        "l.price_minor DESC, l.id DESC",
        "(l.price_minor, l.id) < (:after_value, :after_id)",
        (MAX_MINOR, MAX_KEY),
        "price_minor",
    ),
    "rating": Sort(
        "l.rating_hundredths DESC, l.id DESC",
        "(l.rating_hundredths, l.id) < (:after_value, :after_id)",
        (501, MAX_KEY),
        "rating_hundredths",
    ),
}

FEW = 500
FEW_AT_PRICE = 100
# No page has more rows. The planner takes a limit it does not know for a tenth of the table: it has to be told.
MOST = 101
_PRICED = ("l.currency = :currency", "l.price_minor BETWEEN :low AND :high")
# How a category is walked, newest first, by the index that has it in this order and no other: of the category as a pair
# with the id, and of prices in words that no index of prices answers and that a plan made for any takes for likely.
_IN_TURN = "l.category_id >= tree.id AND (l.category_id, l.id) < (tree.id, :after_id)"
_PRICED_IN_TURN = "(l.currency <> :currency OR l.price_minor < :low OR l.price_minor > :high) IS NOT TRUE"
_AT_PRICE = f"""few_at_price AS MATERIALIZED (
        SELECT count(*) <= max(most.hits) AS so
        FROM (SELECT CAST(greatest(:few_at_price, 0.5 * sqrt(greatest(reltuples, 0))) AS int) AS hits
              FROM pg_class WHERE oid = CAST('listings' AS regclass)) most
        CROSS JOIN LATERAL (
            SELECT FROM tree CROSS JOIN LATERAL (
                SELECT FROM listings l
                WHERE l.state = 'active' AND l.category_id = tree.id AND {" AND ".join(_PRICED)}
                LIMIT most.hits + 1) l
            LIMIT most.hits + 1) hits)"""
_TYPES = {
    "category_slug": "text",
    "category_id": "bigint",
    "currency": "text",
    "low": "bigint",
    "high": "bigint",
    "kind": "text",
    "in_stock": "boolean",
    "min_rating": "int",
    "after_id": "bigint",
    "q": "text",
    "few_at_price": "int",
    "rows": "bigint",
}
_SO_FEW = "coalesce((SELECT so FROM few_at_price), true)"
_TREE = """tree AS (
        SELECT id FROM categories WHERE slug = :category_slug OR id = :category_id
      UNION ALL
        SELECT c.id FROM categories c JOIN tree ON c.parent_id = tree.id)"""
# OFFSET 0 keeps the planner from walking all prices or ratings in search of one seller's.
_OF_SELLER = "(SELECT * FROM listings WHERE seller_id = :seller_id OFFSET 0) l"
_COVER = """
    LEFT JOIN LATERAL (
        SELECT m.variants ->> 'thumb' AS path
        FROM product_images i JOIN media_objects m ON m.id = i.media_id
        WHERE i.product_id = p.id AND m.state = 'ready'
        ORDER BY i.position LIMIT 1) cover ON true"""
_LISTING = f"""
    SELECT l.id, l.kind, l.state, l.currency, l.price_minor, l.quantity, l.category_id, l.created_at,
           CASE WHEN l.offer_until > market_clock() THEN l.offer_minor END AS offer_minor, l.offer_until,
           l.product_id, p.title, p.ratings_count, p.rating_hundredths, l.seller_id, u.username,
           cover.path AS cover
    FROM page l JOIN products p ON p.id = l.product_id JOIN users u ON u.id = l.seller_id {_COVER}"""
_PRODUCT = """
    SELECT p.id, p.seller_id, p.category_id, p.title, p.description, p.state, p.created_at, p.ratings_count,
           p.rating_hundredths, u.username,
           on_sale.id AS listing_id
    FROM page p JOIN users u ON u.id = p.seller_id
    LEFT JOIN listings on_sale ON on_sale.product_id = p.id AND on_sale.state <> 'closed'"""


def _listing_page(sort: str, words: bool, category: bool, seller: bool, priced: bool) -> TextClause:
    order = SORTS[sort]
    filters = [
        "l.state = 'active'",
        "(CAST(:kind AS text) IS NULL OR l.kind = :kind)",
        "(NOT CAST(:in_stock AS boolean) OR l.quantity > 0)",
        "(CAST(:min_rating AS int) IS NULL OR l.rating_hundredths >= :min_rating)",
        *(["l.seller_id = :seller_id"] if seller else []),
        *(["l.category_id IN (SELECT id FROM tree)"] if words and category else []),
    ]
    tree, simple = [_TREE] if category else [], not (seller or order.by)
    if simple and category and priced and not words:
        return _planned_once([*tree, _AT_PRICE], _in_category_at_price([order.after, *filters], order), order)
    filters += _PRICED if priced else ()
    if simple and words:
        return _planned_once([*tree, WANTED, STEPS], _newest_by_words(filters), order)
    found = _by_words if words else _in_category if category else _top
    source = _OF_SELLER if seller and order.by else "listings l"
    tables = [*tree, *([WANTED, HITS] if words else [])]
    return text(_statement(tables, found(source, [order.after, *filters], order), order))


def _planned_once(tables: list[str], page: str, order: Sort) -> TextClause:
    return text(hide_values(_statement(tables, page, order), **_TYPES))


def _statement(tables: list[str], page: str, order: Sort) -> str:
    return f"WITH RECURSIVE {', '.join((*tables, f'page AS ({page})'))} {_LISTING} ORDER BY {order.columns}"


def _top(source: str, conditions: list[str], order: Sort) -> str:
    return _some(f"SELECT l.* FROM {source} WHERE {' AND '.join(conditions)}", "l", order.columns)


def _some(found: str, name: str, columns: str) -> str:
    """Return the first rows of ``found``, as many as are asked for, in the order of ``columns``."""
    return f"SELECT * FROM ({found} ORDER BY {columns} LIMIT {MOST}) {name} ORDER BY {columns} LIMIT :rows"


def _in_category(source: str, conditions: list[str], order: Sort) -> str:
    """Merge the first rows of each category below, which an index gives."""
    each = _top(source, [*conditions, "l.category_id = tree.id"], order)
    return _some(f"SELECT l.* FROM tree CROSS JOIN LATERAL ({each}) l", "l", order.columns)


def _in_category_at_price(conditions: list[str], order: Sort) -> str:
    """Sort the few listings at a price; where they are many, try the newest of each category until the page is full.

    As with words, the hits decide, not the planner, who would have to be asked for each price anew.
    """
    at_price = " AND ".join(("l.category_id = tree.id", *conditions, *_PRICED))
    few = _top(f"tree CROSS JOIN LATERAL (SELECT * FROM listings l WHERE {at_price} OFFSET 0) l", [_SO_FEW], order)
    turn = " AND ".join((f"NOT {_SO_FEW}", _IN_TURN, *conditions, _PRICED_IN_TURN))
    each = _some(f"SELECT l.* FROM listings l WHERE {turn}", "l", "l.category_id DESC, l.id DESC")
    many = _some(f"SELECT l.* FROM tree CROSS JOIN LATERAL ({each}) l", "l", order.columns)
    return _some(f"SELECT l.* FROM (({few}) UNION ALL ({many})) l", "l", order.columns)


def _newest_by_words(conditions: list[str]) -> str:
    """Look at one hit after the other, newest first, until the page is full."""
    each = f"(SELECT * FROM listings l WHERE l.id = hit.id AND {' AND '.join(conditions)} OFFSET 0) l"
    found = f"SELECT l.* FROM {NEWEST} hit CROSS JOIN LATERAL {each} LIMIT {MOST}"
    return f"SELECT * FROM ({found}) l LIMIT :rows"


def _by_words(source: str, conditions: list[str], order: Sort) -> str:
    """Sort the few listings of a rare word; for a common one try listings in order until the page is full.

    The planner's guess of how rare a word is can be a hundred times wrong, so the hits themselves decide.
    """
    # Of each hit by its id: a plan made for any words at all would read every listing.
    each = f"(SELECT * FROM listings l WHERE l.id = hits.id AND {' AND '.join(conditions)} OFFSET 0) l"
    rare = _top(f"hits CROSS JOIN LATERAL {each}", [FEW_HITS], order)
    many = [f"NOT {FEW_HITS}", MATCHES, *conditions]
    common = _top(f"{source} JOIN listing_words w ON w.listing_id = l.id", many, order)
    return _some(f"SELECT l.* FROM (({rare}) UNION ALL ({common})) l", "l", order.columns)


def _product_page(seller: bool, category: bool) -> TextClause:
    condition = "p.state = 'active' AND p.id < :after_id" + (" AND p.seller_id = :seller_id" if seller else "")
    found = _some(f"SELECT p.* FROM products p WHERE {condition}", "p", "p.id DESC")
    if category:
        each = _some(f"SELECT p.* FROM products p WHERE {condition} AND p.category_id = tree.id", "p", "p.id DESC")
        found = _some(f"SELECT p.* FROM tree CROSS JOIN LATERAL ({each}) p", "p", "p.id DESC")
    tree = f"{_TREE}, " if category else ""
    return text(f"WITH RECURSIVE {tree}page AS ({found}) {_PRODUCT} ORDER BY p.id DESC")


_BOTH = (False, True)
_LISTING_PAGES = {
    key: _listing_page(*key)
    for key in product(SORTS, _BOTH, _BOTH, _BOTH, _BOTH)
    if key[4] or not SORTS[key[0]].by_price
}
_PRODUCT_PAGES = {key: _product_page(*key) for key in product(_BOTH, _BOTH)}
_ONE_LISTING = text(f"WITH page AS (SELECT * FROM listings WHERE id = :id) {_LISTING}")
_ONE_PRODUCT = text(f"WITH page AS (SELECT * FROM products WHERE id = :id) {_PRODUCT}")


@dataclass(frozen=True, slots=True)
class ListingFilter:
    """What to look for. With a ``currency`` only its prices from ``low`` to ``high`` (minor units) are found.

    ``min_rating`` is in hundredths of a star.
    """

    q: str | None = None
    category: str | None = None
    seller_id: int | None = None
    kind: str | None = None
    in_stock: bool = False
    min_rating: int | None = None
    currency: str | None = None
    low: int = 0
    high: int = MAX_MINOR


class Catalog:
    """Reads the catalog; a category that does not exist simply holds nothing."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def listings(self, wanted: ListingFilter, sort: str, after: list[int] | None, rows: int) -> list[Any]:
        """Return up to ``rows`` active listings in the order ``sort``, from the position ``after`` on."""
        key = (
            sort,
            wanted.q is not None,
            wanted.category is not None,
            wanted.seller_id is not None,
            wanted.currency is not None,
        )
        position = after or SORTS[sort].start
        bound = {"rows": rows, "kind": wanted.kind, "in_stock": wanted.in_stock, "min_rating": wanted.min_rating}
        given = {
            "q": wanted.q,
            "few": FEW,
            "few_at_price": FEW_AT_PRICE,
            "seller_id": wanted.seller_id,
            "currency": wanted.currency,
            "low": wanted.low,
            "high": wanted.high,
            "after_value": position[0],
            "after_id": position[-1],
            **_category(wanted.category),
        }
        return self._page(_LISTING_PAGES[key], bound | given)

    def products(self, seller_id: int | None, category: str | None, after: list[int] | None, rows: int) -> list[Any]:
        """Return up to ``rows`` active products, newest first."""
        statement = _PRODUCT_PAGES[seller_id is not None, category is not None]
        bound = {"rows": rows, "after_id": (after or [MAX_KEY])[0], "seller_id": seller_id}
        return self._page(statement, bound | _category(category))

    def listing(self, listing_id: int) -> Any:
        """Return one listing, in whatever state."""
        return self._one(_ONE_LISTING, "listing", listing_id)

    def product(self, product_id: int) -> Any:
        """Return one product, in whatever state."""
        return self._one(_ONE_PRODUCT, "product", product_id)

    def _page(self, statement: TextClause, values: Mapping[str, Any]) -> list[Any]:
        return list(self._session.execute(statement, values))

    def _one(self, statement: TextClause, noun: str, key: int) -> Any:
        rows = list(self._session.execute(statement, {"id": key}))
        if not rows:
            raise NotFound(f"there is no {noun} {key}")
        return rows[0]


def _category(category: str | None) -> dict[str, Any]:
    by_id = category is not None and category.isdigit()
    return {"category_id": int(category or 0) if by_id else None, "category_slug": None if by_id else category}


def catalog(_context: Any, request: Any) -> Catalog:
    """Build the reader of ``request``; one that changes something sees its own changes."""
    return Catalog(request.registry["reader"] if request.method in ("GET", "HEAD") else request.db)
