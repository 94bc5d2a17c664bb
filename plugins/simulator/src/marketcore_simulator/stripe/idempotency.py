"""Idempotency-Key: the same key gets the same answer, other parameters are refused, one request at a time."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from marketcore_simulator.stripe.calls import Call
from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Response

RETENTION = timedelta(hours=24)


@dataclass(frozen=True)
class _Kept:
    path: str
    fingerprint: str
    until: datetime
    response: Response


class IdempotencyKeys:
    """Keep the answers of POST requests by key and account for 24 hours of simulated time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._kept: dict[tuple[str | None, str], _Kept] = {}
        self._in_flight: set[tuple[str | None, str]] = set()

    @contextlib.contextmanager
    def one_at_a_time(self, call: Call) -> Iterator[None]:
        """Refuse a key another request is using right now."""
        if call.idempotency_key is None:
            yield
            return
        name = (call.account, call.idempotency_key)
        self._enter(name)
        try:
            yield
        finally:
            with self._world.lock:
                self._in_flight.discard(name)

    def replay(self, call: Call) -> Response | None:
        """Return the answer kept under the call's key, if any; refuse other parameters or another path."""
        with self._world.lock:
            kept = self._kept.get((call.account, call.idempotency_key or ""))
        if kept is None or kept.until <= self._world.clock.now():
            return None
        if kept.path != call.path:
            raise _misused(call, f"same endpoint they were first used for ('{kept.path}' vs '{call.path}')")
        if kept.fingerprint != _fingerprint(call):
            raise _misused(call, "same parameters they were first used with")
        replayed = ("Idempotent-Replayed", "true")
        return replace(kept.response, headers=(*kept.response.headers, replayed))

    def keep(self, call: Call, response: Response) -> None:
        """Keep an answer under the call's key."""
        if call.idempotency_key is None:
            return
        until = self._world.clock.now() + RETENTION
        with self._world.lock:
            self._kept[call.account, call.idempotency_key] = _Kept(call.path, _fingerprint(call), until, response)

    def clear(self) -> None:
        """Forget every kept answer."""
        with self._world.lock:
            self._kept.clear()

    def _enter(self, name: tuple[str | None, str]) -> None:
        with self._world.lock:
            if name in self._in_flight:
                raise StripeError(
                    f"There is currently another in-progress request using the idempotency key '{name[1]}'.",
                    "idempotency_key_in_use",
                    status=409,
                    kind="idempotency_error",
                )
            self._in_flight.add(name)


def _misused(call: Call, rule: str) -> StripeError:
    return StripeError(
        f"Keys for idempotent requests can only be used with the {rule}. "
        f"Try using a key other than '{call.idempotency_key}' if you meant to execute a different request.",
        kind="idempotency_error",
    )


def _fingerprint(call: Call) -> str:
    return hashlib.sha256(call.body).hexdigest()
