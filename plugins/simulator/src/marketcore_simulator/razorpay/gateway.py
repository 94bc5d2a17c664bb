"""What the desks of the Razorpay face share: identifiers, time, books and lists."""

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from marketcore_simulator.razorpay.errors import Refusal, no_such_id
from marketcore_simulator.razorpay.webhooks import Webhooks
from marketcore_simulator.scripts import Script
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Response, json_response

_MOST_LISTED = 100


class Entity(Protocol):
    """One of Razorpay's things."""

    id: str
    created_at: int

    def entity(self) -> dict[str, object]:
        """Return it as JSON members."""
        ...


T = TypeVar("T", bound=Entity)


class Book(Generic[T]):
    """Keep entities by id."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[str, T] = {}

    def add(self, thing: T) -> T:
        """Keep a new entity and return it."""
        with self._world.lock:
            self._kept[thing.id] = thing
        return thing

    def get(self, entity_id: object) -> T:
        """Return one entity; raise Refusal when there is none."""
        with self._world.lock:
            if not isinstance(entity_id, str) or entity_id not in self._kept:
                raise no_such_id()
            return self._kept[entity_id]

    def all(self) -> list[T]:
        """Return every entity, newest first."""
        with self._world.lock:
            return list(self._kept.values())[::-1]

    def where(self, fits: Callable[[T], bool]) -> list[T]:
        """Return the entities that fit, newest first."""
        return [thing for thing in self.all() if fits(thing)]

    def clear(self) -> None:
        """Forget everything."""
        with self._world.lock:
            self._kept.clear()


class Gateway:
    """The merchant's corner of Razorpay."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.webhooks = Webhooks(world)

    def new_id(self, kind: str) -> str:
        """Return a new id such as order_… of 14 letters and digits."""
        return f"{kind}_{self.world.ids.letters(f'razorpay {kind}', 14)}"

    def now(self) -> int:
        """Return the simulated time in seconds since 1970."""
        return int(self.world.clock.now().timestamp())

    def log(self, kind: str, summary: str) -> None:
        """Write a line of the event log."""
        self.world.log.add("razorpay", kind, summary)

    def course(self, chosen: Script | None, *values: str | None) -> Script:
        """Return what is to follow a request: the script chosen for it, else one bound to an ending of a value."""
        if chosen is not None and chosen.concerns_payment:
            return chosen
        bound = [self.world.scripts.bound_to("razorpay", value) for value in values if value]
        return next((script for script in bound if script is not None), Script("ok"))

    def next_course(self, operation: str, *values: str | None) -> Script:
        """Return the same for something that is not a request of the API, from the scripts waiting for it."""
        return self.course(self.world.scripts.take("razorpay", operation), *values)

    def later(self, script: Script) -> float:
        """Return the seconds until a refund, transfer or payout is settled."""
        settings = self.world.settings
        return settings.late_after if script.name == "late_success" else settings.razorpay_settles_after


def one(thing: Entity) -> Response:
    """Answer with one entity."""
    return json_response(thing.entity())


def collection(things: Sequence[Entity]) -> Response:
    """Answer with a whole collection."""
    items = [thing.entity() for thing in things]
    return json_response({"entity": "collection", "count": len(items), "items": items})


def listed(things: Sequence[T], query: Mapping[str, str]) -> Response:
    """Answer with the part of a collection that count, skip, from and to (seconds since 1970) choose."""
    since, until = _number(query, "from", 0), _number(query, "to", 2**40)
    count, skip = _number(query, "count", 10), _number(query, "skip", 0)
    if count > _MOST_LISTED:
        raise Refusal(f"The count may not be greater than {_MOST_LISTED}.", "count")
    return collection([thing for thing in things if since <= thing.created_at <= until][skip : skip + count])


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not (value.isascii() and value.isdecimal() and len(value) <= 13):
        raise Refusal(f"The {name} must be an integer.", name)
    return int(value)
