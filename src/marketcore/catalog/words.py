"""Finding listings by words without reading all that have them: the parts that statements of ``search.py`` are made of.

An index of words answers with everything that has them, in no order of ours. That of ``listing_words`` also knows in
which stretches of ids each listing lies, so that it can be asked for the words within a stretch. The newest are looked
for in the last two of the shortest stretches, then in the last two of those sixteen times as long, and so on; at last
among all that is older. A step finds only what is older than what those before it have found, and none is taken once
the page is full.
"""

from __future__ import annotations

MATCHES = "w.search @@ (SELECT words FROM wanted)"
# The words are read once, not for each row: a plan made for any words knows no constant.
WANTED = "wanted AS MATERIALIZED (SELECT websearch_to_tsquery('english', :q) AS words)"
# How many hits are few grows as the root of all listings: reading them all, and trying listings in order until a page
# is full, then cost about the same at the worst.
HITS = f"""few AS MATERIALIZED (
        SELECT CAST(greatest(:few, 2 * sqrt(greatest(reltuples, 0))) AS int) AS most
        FROM pg_class WHERE oid = CAST('listing_words' AS regclass)),
    hits AS MATERIALIZED (
        SELECT w.listing_id AS id FROM listing_words w WHERE {MATCHES} LIMIT (SELECT most + 1 FROM few))"""
FEW_HITS = "(SELECT count(*) FROM hits) <= (SELECT most FROM few)"
# Within stretches that are a good part of everything, looking is dearer than looking at everything.
_PARTS = 4
# A stretch is the number id_stretches gives it: which one, and in the last six bits how many bits long. The one before
# it is 64 less, and where that begins is where the next step goes on.
STEPS = f"""newest AS MATERIALIZED (
        SELECT least(:after_id - 1, (SELECT max(listing_id) FROM listing_words)) AS id),
    steps AS MATERIALIZED (
        SELECT ARRAY[s, s - 64] AS stretches, start,
               coalesce(lag(start) OVER (ORDER BY start DESC), newest.id + 1) AS stop
        FROM newest CROSS JOIN unnest(id_stretches(newest.id)) s
        CROSS JOIN LATERAL (SELECT (s >> 6) - 1 << CAST(s & 63 AS int) AS start) place
        WHERE s >> 6 >= {_PARTS} ORDER BY start DESC)"""
_ALL_OLDER = "(SELECT coalesce((SELECT min(start) FROM steps), newest.id + 1) FROM newest)"
# Adding nothing to an id keeps the planner from reading all ids of a range, which it takes for cheap. There is no ORDER
# BY around it all, for that would take every step: a nested loop keeps the order of the steps, and each sorts its own.
NEWEST = f"""(
    SELECT found.id FROM steps CROSS JOIN LATERAL (
        SELECT w.listing_id AS id FROM listing_words w
        WHERE {MATCHES} AND id_stretches(w.listing_id) && steps.stretches AND w.listing_id + 0 < steps.stop
        ORDER BY w.listing_id DESC OFFSET 0) found
  UNION ALL (
    SELECT w.listing_id FROM listing_words w WHERE {MATCHES} AND w.listing_id + 0 < {_ALL_OLDER}
    ORDER BY w.listing_id DESC))"""
