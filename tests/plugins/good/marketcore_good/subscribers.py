"""What follows from the core's facts."""

from marketcore_good.services import ThingService

NOTED = []


def welcome(request, event):
    request.find_service(ThingService).keep(f"welcome {event.user_id}")


def note(registry, event):
    NOTED.append(event.user_id)
