"""Many purchases at once: what a test of a thousand needs is written by SQL, as the first one was over HTTP."""

from __future__ import annotations

from uuid import uuid4

_PILE = """
    WITH made AS (
      INSERT INTO checkouts (buyer_id, currency, total_minor, ship_to, expires_at)
      SELECT buyer_id, currency, total_minor, ship_to, expires_at
      FROM checkouts, generate_series(1, :count) WHERE id = :checkout RETURNING id),
    ordered AS (
      INSERT INTO orders (checkout_id, buyer_id, seller_id, state, currency, total_minor, commission_minor,
                          payment_due_at)
      SELECT made.id, buyer_id, seller_id, state, currency, total_minor, commission_minor, payment_due_at
      FROM orders, made WHERE checkout_id = :checkout RETURNING id, checkout_id),
    noted AS (
      INSERT INTO order_history (order_id, seq, previous, state, actor_id)
      SELECT ordered.id, h.seq, h.previous, h.state, h.actor_id
      FROM ordered, order_history h JOIN orders o ON o.id = h.order_id WHERE o.checkout_id = :checkout),
    lined AS (
      INSERT INTO order_lines (order_id, listing_id, product_id, title, quantity, unit_minor, total_minor,
                               commission_bp)
      SELECT ordered.id, listing_id, product_id, title, quantity, unit_minor, l.total_minor, commission_bp
      FROM ordered, order_lines l JOIN orders o ON o.id = l.order_id WHERE o.checkout_id = :checkout
      RETURNING id, order_id, listing_id, quantity),
    taken AS (
      UPDATE listings SET quantity = listings.quantity - sold.quantity
      FROM (SELECT listing_id, sum(quantity) AS quantity FROM lined GROUP BY listing_id) sold
      WHERE id = sold.listing_id),
    held AS (
      INSERT INTO stock_reservations (line_id, order_id, listing_id, quantity, state, expires_at)
      SELECT lined.id, lined.order_id, lined.listing_id, lined.quantity, 'held', expires_at
      FROM lined, checkouts WHERE checkouts.id = :checkout)
    SELECT ordered.id AS order_id, checkout_id FROM ordered
"""
_PAYMENTS = """
    INSERT INTO payments (id, code, user_id, purpose, reference, provider, currency, amount_minor, state, expires_at,
                          next_check_at)
    SELECT wanted.id, substr(md5(CAST(wanted.id AS text)), 1, 12), buyer_id, 'checkout', CAST(c.id AS text), 'fakepay',
           currency, total_minor, 'pending', market_clock() + interval '15 minutes', market_clock() + interval '1 hour'
    FROM unnest(CAST(:ids AS uuid[]), CAST(:checkouts AS bigint[])) AS wanted (id, checkout_id)
    JOIN checkouts c ON c.id = wanted.checkout_id
"""


def order_many(till, count):
    """Let the buyer have ordered ``count`` times more, as in ``till.checkout``; return ``{checkout id: order id}``."""
    rows = till.market.query(_PILE, count=count, checkout=till.checkout["id"])
    return {row.checkout_id: row.order_id for row in rows}


def attempts_for(till, checkouts):
    """Let an attempt of each of ``checkouts`` wait for its payer; return the payments in the same order."""
    payments = [at_fakepay(till, checkout) for checkout in checkouts]
    write(till, payments)
    return payments


def at_fakepay(till, checkout):
    """Let fakepay know an attempt that is not (yet) written down here."""
    payment = {"id": str(uuid4()), "checkout": checkout}
    wish = {"id": payment["id"], "minor": 50000, "currency": "KES", "reference": f"ref-{payment['id']}"}
    till.gateway.payments[payment["id"]] = {**wish, "state": "pending"}
    return payment


def write(till, payments):
    """Write attempts that fakepay knows down."""
    ids, checkouts = [payment["id"] for payment in payments], [payment["checkout"] for payment in payments]
    till.market.query(_PAYMENTS, ids=ids, checkouts=checkouts)
