"""What several statements read the same way."""

from __future__ import annotations

# How an advertisement stands, for everybody: what is free of its budget, and how many have applied or hold a share.
ADVERTISEMENT = """
    SELECT a.*, owner.username AS owner_name, market_clock() AS now, counted.applications, counted.accepted,
           CASE WHEN a.payment_id IS NULL THEN 0
                ELSE a.budget_minor - a.released_minor - a.returned_minor - a.contested_minor - counted.promised_minor
           END AS free_minor,
           EXISTS (SELECT FROM escrow_contests c WHERE c.advertisement_id = a.id AND c.state = 'open') AS contested
    FROM escrow_advertisements a JOIN users owner ON owner.id = a.owner_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS applications, count(p.share_minor) AS accepted,
               CAST(coalesce(sum(p.share_minor) FILTER (
                   WHERE p.state IN ('accepted', 'submitted', 'rejected', 'disputed')), 0) AS bigint) AS promised_minor
        FROM escrow_applications p WHERE p.advertisement_id = a.id AND p.state <> 'withdrawn') counted"""
APPLICATION = """
    SELECT p.*, a.owner_id, a.title, a.currency, applicant.username AS applicant_name
    FROM escrow_applications p JOIN escrow_advertisements a ON a.id = p.advertisement_id
    JOIN users applicant ON applicant.id = p.applicant_id"""
