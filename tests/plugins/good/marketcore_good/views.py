"""Things over HTTP."""

import colander
from pyramid.view import view_config

from marketcore.web.schema import Schema, Text
from marketcore_good.services import ThingService


class Things(Schema):
    names = colander.SequenceSchema(colander.SchemaNode(Text()))


@view_config(
    route_name="good.things",
    request_method="GET",
    permission="public",
    renderer="json",
    openapi={"responses": {200: Things}},
)
def read_things(request):
    """List the things."""
    return {"names": request.find_service(ThingService).names()}
