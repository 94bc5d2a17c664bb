"""What violation routes take and answer."""

from __future__ import annotations

from marketcore.web.schema import PageQuery, Schema, key, moment, nullable, page_of, text, whole


class ViolationQuery(PageQuery):
    """Whose violations."""

    user_id = key(missing=None)


class Pardon(Schema):
    """Why a violation counts no more."""

    note = text(500, min_length=1)


class ViolationDocument(Schema):
    """A promise to buy that was not kept."""

    id = key()
    order_id = nullable(key())
    listing_id = nullable(key(description="what was won and never ordered; then there is no order"))
    kind = text(20, description="`unpaid`: not paid for in time; `backed_out`: won and called off")
    created_at = moment()
    pardoned_at = nullable(moment())


class Charged(Schema):
    """Whose violation it is."""

    id = key()
    username = text(60)


class WholeViolationDocument(ViolationDocument):
    """A violation as admins see it; a pardon by nobody is the platform's own."""

    user = Charged()
    pardoned_by = nullable(key())
    note = nullable(text(500))


class OwnViolationsDocument(page_of(ViolationDocument, "OwnViolationPage")):  # type: ignore[misc]
    """A page of one's own violations, how many count, and how many block an account (0: never)."""

    standing = whole(0, 2**31 - 1)
    limit = whole(0, 1000)


ViolationPage = page_of(WholeViolationDocument, "ViolationPage")
