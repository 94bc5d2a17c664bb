"""Idempotency keys: the first answer for the same body, a refusal for another, 409 while it is being worked on."""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Request, Response


@dataclass(frozen=True)
class KeyRule:
    """The header an operation takes its key from, and what a key looks like."""

    header: str
    pattern: str
    mandatory: bool = False


REFUND = KeyRule("X-Refund-Idempotency", r"[A-Za-z0-9_-]{10,255}")
TRANSFER = KeyRule("X-Transfer-Idempotency", r"[A-Za-z0-9_-]{4,36}")
PAYOUT = KeyRule("X-Payout-Idempotency", r"[A-Za-z0-9_-]{4,36}", mandatory=True)


@dataclass
class _Record:
    fingerprint: str
    response: Response | None = None
    busy: bool = True


class IdempotencyKeys:
    """Remember the answers given under each key; a request that was refused leaves its key free."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._records: dict[tuple[str, str], _Record] = {}

    @contextmanager
    def held(self, rule: KeyRule | None, request: Request) -> Iterator[Callable[[Callable[[], Response]], Response]]:
        """Hold a request's key for as long as the exchange takes; the value does the work or replays its answer."""
        key = _key(rule, request)
        if rule is None or key is None:
            yield lambda work: work()
            return
        place = (rule.header, key)
        record = self._begin(place, hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest())
        try:
            yield lambda work: self._once(record, work)
        finally:
            self._end(place, record)

    def clear(self) -> None:
        """Forget every key."""
        with self._world.lock:
            self._records.clear()

    def _begin(self, place: tuple[str, str], fingerprint: str) -> _Record:
        with self._world.lock:
            record = self._records.setdefault(place, _Record(fingerprint, busy=False))
            if record.fingerprint != fingerprint:
                raise Refusal("Different request body sent for the same idempotency header", place[0])
            if record.busy:
                raise Refusal("A request with the same idempotency key is in progress", place[0], status=409)
            record.busy = True
            return record

    def _once(self, record: _Record, work: Callable[[], Response]) -> Response:
        if record.response is None:
            response = work()
            if response.status != 200:
                return response
            record.response = response
        return record.response

    def _end(self, place: tuple[str, str], record: _Record) -> None:
        with self._world.lock:
            record.busy = False
            if record.response is None:
                self._records.pop(place, None)


def _key(rule: KeyRule | None, request: Request) -> str | None:
    if rule is None:
        return None
    key = request.headers.get(rule.header.lower())
    if key is None and rule.mandatory:
        raise Refusal(f"{rule.header} header is mandatory for this request", rule.header)
    if key is not None and not re.fullmatch(rule.pattern, key):
        raise Refusal(f"{rule.header} must be of {rule.pattern}", rule.header)
    return key
