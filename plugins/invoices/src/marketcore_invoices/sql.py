"""The statements with which documents are issued."""

from __future__ import annotations

from sqlalchemy import text

# An order is owed an invoice once it has been paid, or completed without (cash on delivery).
_OWED = """
    (CAST(:since AS timestamptz) IS NULL OR o.created_at >= :since)
    AND EXISTS (SELECT FROM order_history h WHERE h.order_id = o.id AND h.state IN ('paid', 'completed'))
    AND NOT EXISTS (SELECT FROM invoices_documents d WHERE d.order_id = o.id AND d.kind = 'invoice')
"""
# Series are locked in this order wherever numbers are drawn; nothing but live channels is locked after them.
LOCK_SERIES = text(
    f"""INSERT INTO invoices_series AS series (seller_id, kind)
        SELECT seller_id, kind FROM (
            SELECT o.seller_id, 'invoice' AS kind FROM orders o WHERE o.id = ANY(:orders) AND {_OWED}
            UNION
            SELECT o.seller_id, 'credit_note' FROM orders o WHERE o.id = ANY(:refunded)) AS wanted
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
    f"""SELECT o.id, o.reference, o.currency, o.total_minor, o.created_at, c.ship_to,
               o.seller_id, s.username AS seller_name, ARRAY[s.first_name, s.last_name] AS seller_full_name,
               o.buyer_id, b.username AS buyer_name, ARRAY[b.first_name, b.last_name] AS buyer_full_name,
               (SELECT min(h.at) FROM order_history h WHERE h.order_id = o.id AND h.state = 'paid') AS paid_at,
               (SELECT json_agg(json_build_object('title', n.title, 'quantity', n.quantity, 'unit', n.unit_minor,
                                                  'total', n.total_minor) ORDER BY n.id)
                FROM order_lines n WHERE n.order_id = o.id) AS lines
        FROM orders o JOIN checkouts c ON c.id = o.checkout_id
        JOIN users s ON s.id = o.seller_id JOIN users b ON b.id = o.buyer_id
        WHERE o.id = ANY(:orders) AND {_OWED} ORDER BY o.id"""
)
# Orders come before series in the order of locks.
LOCK_OWED = text(f"SELECT o.id FROM orders o WHERE {_OWED} ORDER BY o.id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED")
