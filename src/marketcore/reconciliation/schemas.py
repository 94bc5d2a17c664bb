"""Documents of reconciliation."""

from __future__ import annotations

from marketcore.web.schema import (
    MAX_KEY,
    MoneyNode,
    PageQuery,
    Schema,
    choice,
    flag,
    key,
    listing,
    moment,
    nullable,
    page_of,
    text,
    whole,
)

KINDS = ("only_here", "only_there", "amount", "fee", "ledger")


class DifferencesQuery(PageQuery):
    """Which differences to show."""

    open = flag(missing=True, description="only those that are not resolved")


class DifferenceBody(Schema):
    """Who looks after a difference, and what is known of it. What is left out stays as it is."""

    owner_id = key(missing=None)
    note = text(500, missing=None)


class DifferenceDocument(Schema):
    """One thing that orders, ledger and provider do not agree about. `age_seconds` counts until it was resolved."""

    id = key()
    provider = text(30)
    kind = choice(*KINDS)
    what = text(260)
    here = nullable(MoneyNode())
    there = nullable(MoneyNode())
    owner_id = nullable(key())
    owner = nullable(text(100))
    note = text(500)
    age_seconds = whole(0, MAX_KEY)
    first_seen_at = moment()
    last_seen_at = moment()
    resolved_at = nullable(moment())


DifferencePage = page_of(DifferenceDocument, "DifferencePage")


class ExceptionDocument(Schema):
    """Something about money that waits for a person, and what to do about it."""

    kind = text(30)
    id = text(80)
    state = text(30)
    amount = nullable(MoneyNode())
    since = moment()
    remedy = text(600)


class Exceptions(Schema):
    """All of it, oldest first, at most 500."""

    items = listing(ExceptionDocument(name="exception"))
