from marketcore.live.history import stream_position
from marketcore.web.schema import Schema, key


class Polish(Schema):
    """Which thing to polish."""

    thing_id = key()


class Polished(Schema):
    """The thing that was polished."""

    thing_id = key()


def may_watch(request, thing_id):
    return request.authenticated_userid is not None


def snapshot(request, thing_id):
    return {"thing_id": thing_id, "stream": stream_position(request.db, f"good_thing:{thing_id}")}


def polish(request, data):
    request.publish(f"good_thing:{data['thing_id']}", "good.polished", data)
    return data
