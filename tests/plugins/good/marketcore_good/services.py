"""Keeping things."""

from sqlalchemy import select

from marketcore_good.models import Thing


class ThingService:
    def __init__(self, session):
        self.session = session

    def keep(self, name, keeper_id=None):
        thing = Thing(name=name, keeper_id=keeper_id)
        self.session.add(thing)
        self.session.flush()
        return thing

    def names(self):
        return list(self.session.scalars(select(Thing.name).order_by(Thing.id)))


def thing_service(_context, request):
    return ThingService(request.db)
