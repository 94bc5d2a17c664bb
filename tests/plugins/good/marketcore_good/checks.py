"""Who gets in, and who may do what matters: headers of requests say how somebody feels."""

from marketcore.exceptions import Forbidden, StepUpNeeded


class TooSad(Forbidden):
    """Somebody sad is not let in, and that is remembered."""

    code, title, keeps = "too-sad", "You are too sad", True


def hold_the_sad(request, login):
    from marketcore_good.services import ThingService

    if request.headers.get("Mood") == "sad":
        request.find_service(ThingService).keep(f"tears of {login.user_id} by {login.way}", login.user_id)
        raise TooSad
    if request.headers.get("Mood") == "angry":
        request.find_service(ThingService).keep("rage", login.user_id)
        raise Forbidden("calm down first")


def demand_a_smile(request):
    if request.headers.get("Mood") != "smiling":
        raise StepUpNeeded("smile first", methods=["smile"])
