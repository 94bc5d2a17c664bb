"""The statements with which documents are issued: what an order is owed is read from its rows alone."""

from __future__ import annotations

from sqlalchemy import text

_OWED = """
    o.paid_at IS NOT NULL AND (CAST(:since AS timestamptz) IS NULL OR o.created_at >= :since)
    AND NOT EXISTS (SELECT FROM invoices_documents d WHERE d.order_id = o.id AND d.kind = 'invoice')
"""
# A refund that failed is tried again as another one: for the buyer it is the same money, and so one credit note.
_FIRST_TRY = """
    (WITH RECURSIVE tries AS (
         SELECT r.id, 0 AS step
         UNION ALL
         SELECT before.id, step + 1 FROM refunds before JOIN tries ON before.replaced_by = tries.id)
     SELECT id FROM tries ORDER BY step DESC LIMIT 1)
"""
_UNCREDITED = f"""
    r.state = 'succeeded'
    AND NOT EXISTS (SELECT FROM invoices_documents d WHERE d.refund_id = {_FIRST_TRY})
"""
_INVOICED = "EXISTS (SELECT FROM invoices_documents i WHERE i.order_id = o.id AND i.kind = 'invoice')"

# Series are locked in this order wherever numbers are drawn; nothing but live channels is locked after them.
LOCK_SERIES = text(
    f"""INSERT INTO invoices_series AS series (seller_id, kind)
        SELECT seller_id, kind FROM (
            SELECT o.seller_id, 'invoice' AS kind FROM orders o WHERE o.id = ANY(:orders) AND {_OWED}
            UNION
            SELECT o.seller_id, 'credit_note' FROM orders o JOIN refunds r ON r.order_id = o.id
            WHERE o.id = ANY(:orders) AND {_UNCREDITED}) AS wanted
        ORDER BY seller_id, kind
        ON CONFLICT (seller_id, kind) DO UPDATE SET last = series.last
        RETURNING seller_id, kind, year, last, last_at"""
)
KEEP_SERIES = text(
    """UPDATE invoices_series SET year = :year, last = :last, last_at = :last_at
       WHERE seller_id = :seller AND kind = :kind"""
)
# Read after the lock: what another transaction has just issued is seen here.
ORDERS = text(
    f"""SELECT o.id, o.reference, o.currency, o.total_minor, o.created_at, o.paid_at, c.ship_to,
               o.seller_id, s.username AS seller_name, ARRAY[s.first_name, s.last_name] AS seller_full_name,
               o.buyer_id, b.username AS buyer_name, ARRAY[b.first_name, b.last_name] AS buyer_full_name,
               (SELECT json_agg(json_build_object('title', n.title, 'quantity', n.quantity, 'unit', n.unit_minor,
                                                  'total', n.total_minor) ORDER BY n.id)
                FROM order_lines n WHERE n.order_id = o.id) AS lines
        FROM orders o JOIN checkouts c ON c.id = o.checkout_id
        JOIN users s ON s.id = o.seller_id JOIN users b ON b.id = o.buyer_id
        WHERE o.id = ANY(:orders) AND {_OWED} ORDER BY o.id"""
)
REFUNDS = text(
    f"""SELECT DISTINCT ON (first_try) {_FIRST_TRY} AS first_try, i.id AS invoice_id, r.currency, r.amount_minor
        FROM refunds r JOIN invoices_documents i ON i.order_id = r.order_id AND i.kind = 'invoice'
        WHERE r.order_id = ANY(:orders) AND {_UNCREDITED} ORDER BY first_try"""
)
# Orders come before series in the order of locks.
LOCK_OWED = text(
    f"""SELECT o.id FROM orders o
        WHERE {_OWED}
           OR ({_INVOICED} AND EXISTS (SELECT FROM refunds r WHERE r.order_id = o.id AND {_UNCREDITED}))
        ORDER BY o.id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED"""
)
