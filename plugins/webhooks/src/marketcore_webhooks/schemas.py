"""What comes in and goes out."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.web.schema import (
    Among,
    PageQuery,
    Schema,
    Text,
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
from marketcore_webhooks.rules.addresses import LONGEST_URL
from marketcore_webhooks.rules.messages import TEST
from marketcore_webhooks.services.deliveries import REPLAYED

STATES = ("waiting", "delivered", "failed")
MOST_TYPES = 200


@colander.deferred
def _known(_node: colander.SchemaNode, bound: dict[str, Any]) -> Among:
    # The list itself, not what is on it by now: plugins may still add to it.
    return Among(bound["registry"]["webhook types"])


@colander.deferred
def _known_or_test(_node: colander.SchemaNode, bound: dict[str, Any]) -> Among:
    return Among((*bound["registry"]["webhook types"], TEST))


def _types(**options: object) -> colander.SchemaNode:
    type = colander.SchemaNode(Text(), validator=_known, name="type")
    return listing(type, validator=colander.Length(max=MOST_TYPES), **options)


class EndpointInput(Schema):
    """An endpoint to make."""

    url = text(LONGEST_URL, min_length=1, description="https, on a public host")
    description = text(200, missing="")
    event_types = _types(missing=(), description="what to be told of; none means everything")
    platform = flag(missing=False, description="admins: be told of everybody's things, not only of one's own")


class EndpointChange(Schema):
    """What to change of an endpoint."""

    url = text(LONGEST_URL, min_length=1, missing=colander.drop)
    description = text(200, missing=colander.drop)
    event_types = _types(missing=colander.drop)
    enabled = flag(missing=colander.drop)


class EndpointDocument(Schema):
    """An endpoint."""

    id = key()
    url = text(LONGEST_URL)
    description = text(200)
    event_types = _types()
    platform = flag()
    enabled = flag()
    disabled_reason = choice("", "owner", "gone", "failing")
    failing_since = nullable(moment(description="the first failure after the last success"))
    paused_until = nullable(moment(description="nothing is sent until then, as the receiver asked"))
    old_secret_until = nullable(moment(description="until then messages are signed with the former secret too"))
    created_at = moment()


class EndpointWithSecret(EndpointDocument):
    """An endpoint and its new secret, which is shown this once."""

    secret = text(100)


class EndpointList(Schema):
    """All endpoints of one user."""

    items = listing(EndpointDocument(name="item"))


class ReplayInput(Schema):
    """Which deliveries of an endpoint to send again."""

    since = moment(description="deliveries made from then on")
    until = moment(missing=None, description="and before then")
    state = choice(*REPLAYED, missing="failed")


class Replayed(Schema):
    """How many deliveries are sent again."""

    deliveries = whole(0, 10**18)


class DeliveryQuery(PageQuery):
    """Which deliveries to list."""

    endpoint_id = key(missing=None)
    state = choice(*STATES, missing=None)


class DeliveryDocument(Schema):
    """One message on its way to one endpoint."""

    id = key()
    endpoint_id = key()
    message_id = text(40, description="the webhook-id of all its tries")
    type = colander.SchemaNode(Text(), validator=_known_or_test)
    state = choice(*STATES)
    tries = whole(0, 1000)
    last_status = nullable(whole(100, 999, description="the status of the last answer"))
    last_error = text(300, description="why there was none")
    last_at = nullable(moment())
    next_at = nullable(moment(description="when the next try is due"))
    delivered_at = nullable(moment())
    created_at = moment()


class DeliveryWithBody(DeliveryDocument):
    """A delivery and what is sent."""

    body = text(20_000, description="the body of the message, as it is signed")


DeliveryPage = page_of(DeliveryDocument, "DeliveryPage")
