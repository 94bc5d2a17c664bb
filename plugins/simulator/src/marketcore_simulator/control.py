"""/_sim/…: the control calls every face shares, in JSON."""

from collections.abc import Mapping

from marketcore_simulator.events import Event
from marketcore_simulator.routing import Router
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Request, Response, json_response

_LONGEST_SHIFT = 10 * 365 * 86_400


class Control:
    """Settings, scripts, clock and event log.

    `operations` names, for each face, those whose next request a script may be chosen for.
    """

    def __init__(self, world: World, operations: Mapping[str, tuple[str, ...]]) -> None:
        self._world = world
        self._operations = operations

    def add_routes(self, router: Router) -> None:
        """Add the shared control routes."""
        router.add("GET", "/_sim/config", self._config)
        router.add("POST", "/_sim/config", self._configure)
        router.add("GET", "/_sim/scripts", self._scripts)
        router.add("POST", "/_sim/scripts", self._queue_script)
        router.add("DELETE", "/_sim/scripts", self._clear_scripts)
        router.add("POST", "/_sim/magic", self._bind_script)
        router.add("GET", "/_sim/clock", self._clock)
        router.add("POST", "/_sim/clock", self._shift_clock)
        router.add("GET", "/_sim/events", self._events)
        router.add("POST", "/_sim/events/{event_id}/redeliver", self.redeliver)

    def redeliver(self, request: Request, event_id: str) -> Response:
        """Send an earlier delivery again and return the new one."""
        return json_response(self._world.courier.redeliver(self._event(event_id)).as_document())

    def _event(self, event_id: str) -> Event:
        if not event_id.isdecimal():
            raise LookupError(f"{event_id!r} is not the number of an event")
        return self._world.log.get(int(event_id))

    def _config(self, request: Request) -> Response:
        return json_response(self._world.settings.as_document())

    def _configure(self, request: Request) -> Response:
        self._world.settings.update(request.document())
        return self._config(request)

    def _face(self, document: Mapping[str, object]) -> str:
        face = _text(document, "face")
        if face not in self._operations:
            raise ValueError(f"{face!r} is not a face; the faces are {', '.join(self._operations)}")
        return face

    def _operation(self, document: Mapping[str, object]) -> tuple[str, str]:
        face, operation = self._face(document), _text(document, "operation")
        if operation not in self._operations[face]:
            known = ", ".join(self._operations[face])
            raise ValueError(f"{operation!r} is not an operation of {face}; these are {known}")
        return face, operation

    def _scripts(self, request: Request) -> Response:
        return json_response(self._world.scripts.as_document())

    def _queue_script(self, request: Request) -> Response:
        document = request.document()
        face, operation = self._operation(document)
        self._world.scripts.queue(face, operation, _text(document, "script"), _times(document))
        return self._scripts(request)

    def _clear_scripts(self, request: Request) -> Response:
        self._world.scripts.clear()
        return self._scripts(request)

    def _bind_script(self, request: Request) -> Response:
        document = request.document()
        self._world.scripts.bind(self._face(document), _text(document, "ending"), _text(document, "script"))
        return self._scripts(request)

    def _clock(self, request: Request) -> Response:
        clock = self._world.clock
        return json_response({"now": clock.now().isoformat(), "shift": clock.shift_seconds})

    def _shift_clock(self, request: Request) -> Response:
        self._world.shift_clock(_shift(request.document()))
        return self._clock(request)

    def _events(self, request: Request) -> Response:
        events = self._world.log.select(request.query.get("face"), request.query.get("kind"))
        return json_response({"items": [event.as_document() for event in events]})


def _shift(document: Mapping[str, object]) -> float:
    seconds = document.get("shift")
    if not (isinstance(seconds, (int, float)) and -_LONGEST_SHIFT <= seconds <= _LONGEST_SHIFT):
        raise ValueError(f"shift {seconds!r} is not a number of seconds within ten years")
    return seconds


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing or not text")
    return value


def _times(document: Mapping[str, object]) -> int:
    times = document.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool) or not 1 <= times <= 1000:
        raise ValueError(f"times {times!r} is not a whole number from 1 to 1000")
    return times
