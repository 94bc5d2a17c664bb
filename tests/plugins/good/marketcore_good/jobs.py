"""Work on things."""

from marketcore_good.services import ThingService


def polish(request, name):
    request.find_service(ThingService).keep(f"polished {name}")


def tidy(request):
    request.find_service(ThingService).names()
