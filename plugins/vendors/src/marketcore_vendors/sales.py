"""What a vendor has sold, by day and by product: one statement each, over whole amounts, exact to the minor unit.

A sale counts on the day its money arrived, by UTC. What has gone back (or is on its way back, or contested) and the
commission that is kept of the rest belong to whole orders; they are spread over the lines by running sums, so that
days, products and orders always add up to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import text

FIGURES = ("orders", "units", "gross", "refunded", "commission", "net")
MONEY = FIGURES[2:]
MOST_ROWS = 10_000

# What the platform keeps of an order ``o``: its commission without its part of what went back, which is rounded as
# ``marketcore.orders.rules.platform_share`` does it, a half to the platform.
KEPT = """
    o.commission_minor - div(2::numeric * o.commission_minor * (o.refunded_minor + o.disputed_minor) + o.total_minor,
                             2::numeric * o.total_minor)
"""
# The commission of a line ``n`` as ``marketcore.money.commission`` has it, a half to the platform. It fits into 64 bits
# whatever the line costs: whole ten thousands first, then the rest.
FEE = "n.total_minor / 10000 * n.commission_bp + (n.total_minor % 10000 * n.commission_bp * 2 + 10000) / 20000"
_SOLD = f"""
    WITH sold AS (
        SELECT o.id, CAST(o.paid_at AT TIME ZONE 'UTC' AS date) AS day, o.total_minor, o.commission_minor,
               o.refunded_minor + o.disputed_minor AS gone,
               CASE WHEN o.refunded_minor + o.disputed_minor > 0 THEN {KEPT} END AS kept
        FROM orders o
        WHERE o.seller_id = :seller AND o.paid_at >= :since AND o.paid_at < :until AND o.currency = :currency
    ), priced AS (
        SELECT s.*, n.id AS line_id, n.product_id, n.quantity, n.total_minor AS gross,
               {FEE} AS fee
        FROM sold s JOIN order_lines n ON n.order_id = s.id
    ), whole AS (
        SELECT id, day, product_id, quantity, gross, 0 AS refunded, fee AS commission FROM priced WHERE gone = 0
    ), broken AS (
        SELECT p.*, sum(gross) OVER orderly AS gross_so_far, sum(fee) OVER orderly AS fee_so_far
        FROM priced p WHERE gone > 0 WINDOW orderly AS (PARTITION BY id ORDER BY line_id)
    ), lines AS (
        SELECT * FROM whole
        UNION ALL
        SELECT id, day, product_id, quantity, gross,
               CAST(div(gone * gross_so_far, total_minor) - div(gone * (gross_so_far - gross), total_minor) AS bigint),
               CAST(coalesce(div(kept * fee_so_far, nullif(commission_minor, 0))
                             - div(kept * (fee_so_far - fee), nullif(commission_minor, 0)), 0) AS bigint)
        FROM broken
    )
"""
_SUMS = """
    count(DISTINCT l.id) AS orders, coalesce(sum(l.quantity), 0) AS units,
    CAST(coalesce(sum(l.gross), 0) AS bigint) AS gross, CAST(coalesce(sum(l.refunded), 0) AS bigint) AS refunded,
    CAST(coalesce(sum(l.commission), 0) AS bigint) AS commission,
    CAST(coalesce(sum(l.gross - l.refunded - l.commission), 0) AS bigint) AS net
"""
DAYS = text(
    f"""{_SOLD}
        SELECT CAST(every AS date) AS day, {_SUMS}
        FROM generate_series(CAST(:first AS date), CAST(:last AS date), interval '1 day') AS every
        LEFT JOIN lines l ON l.day = CAST(every AS date)
             AND (CAST(:product AS bigint) IS NULL OR l.product_id = :product)
        GROUP BY every ORDER BY every"""
)
_PRODUCTS = text(
    f"""{_SOLD}
        SELECT l.product_id, p.title, {_SUMS}
        FROM lines l JOIN products p ON p.id = l.product_id
        GROUP BY l.product_id, p.title
        HAVING CAST(:gross AS bigint) IS NULL OR (-sum(l.gross), l.product_id) > (-CAST(:gross AS bigint), :after)
        ORDER BY gross DESC, l.product_id LIMIT :limit"""
)


@dataclass(frozen=True, slots=True)
class Span:
    """What figures are about: one seller's sales in one currency, from ``first`` to ``last``, both included."""

    seller_id: int
    currency: str
    first: date
    last: date

    @property
    def values(self) -> dict[str, Any]:
        """What the statements are executed with."""
        since = datetime.combine(self.first, time(), UTC)
        until = datetime.combine(self.last, time(), UTC) + timedelta(days=1)
        days = {"first": self.first, "last": self.last, "since": since, "until": until}
        return {"seller": self.seller_id, "currency": self.currency, **days}


def sales_by_day(session: Any, span: Span, *, product_id: int | None = None) -> list[Any]:
    """Return a row for every day of ``span``: ``day`` and ``FIGURES``, money in minor units."""
    return list(session.execute(DAYS, {**span.values, "product": product_id}))


def sales_by_product(session: Any, span: Span, *, after: Sequence[int] | None, limit: int) -> list[Any]:
    """Return up to ``limit`` rows, ``product_id``, ``title`` and ``FIGURES``, the greatest gross first.

    ``after`` is the ``(gross, product_id)`` of the row before.
    """
    gross, product_id = after or (None, None)
    return list(session.execute(_PRODUCTS, {**span.values, "gross": gross, "after": product_id, "limit": limit}))


def total_of(rows: Sequence[Any]) -> dict[str, int]:
    """Return the sum of each of ``FIGURES`` over days."""
    return {name: sum(int(getattr(row, name)) for row in rows) for name in FIGURES}
