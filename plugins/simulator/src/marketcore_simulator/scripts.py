"""Failure scripts: what goes wrong with a request, or with what follows it.

A script is written as a name with an optional number: "drop_after", "hang(3)", "dup_callback(2)".
It is chosen for the next request of an operation, or bound to the ending of a value such as a phone number.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

from marketcore_simulator.wsgi import Dropped, Response, html_response

#: Scripts that concern the exchange itself. `hang` and `drop_after` do the work and spoil the answer.
TRANSPORT = frozenset({"http_500", "http_429", "html_error", "drop_before", "drop_after", "hang"})

#: Scripts that concern the payment begun by the request.
OUTCOME = frozenset(
    {
        "ok",
        "cancel",
        "no_response",
        "insufficient",
        "wrong_pin",
        "slow_callback",
        "no_callback",
        "dup_callback",
        "late_success",
        "wrong_amount",
        "callback_first",
        "declined",
        "pending_then_succeeded",
        "pending_then_failed",
        "reorder",
        "tampered_signature",
        "unknown_reference",
    }
)

_NEEDS_NUMBER = frozenset({"hang", "slow_callback", "dup_callback"})
_WRITTEN = re.compile(r"([a-z0-9_]+)(?:\(([0-9]{1,4}(?:\.[0-9]{1,3})?)\))?")


@dataclass(frozen=True)
class Script:
    """One script; `number` is seconds or a count, 0 for scripts that take none."""

    name: str
    number: float = 0

    @property
    def concerns_payment(self) -> bool:
        """Tell whether the script plays out after the request was accepted."""
        return self.name in OUTCOME


def parse_script(text: str) -> Script:
    """Read "name" or "name(number)"; raise ValueError naming what is wrong."""
    match = _WRITTEN.fullmatch(text)
    if match is None or match[1] not in TRANSPORT | OUTCOME:
        raise ValueError(f"{text!r} is not a script; the scripts are {', '.join(sorted(TRANSPORT | OUTCOME))}")
    if (match[2] is not None) != (match[1] in _NEEDS_NUMBER):
        expected = "needs a number, as in hang(3)" if match[1] in _NEEDS_NUMBER else "takes no number"
        raise ValueError(f"script {match[1]} {expected}")
    return Script(match[1], float(match[2] or 0))


class ScriptBook:
    """Hold the scripts waiting for requests: a queue per face and operation, and bindings by value ending."""

    def __init__(self) -> None:
        self._queued: list[tuple[str, str, str]] = []
        self._bound: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def queue(self, face: str, operation: str, script: str, times: int = 1) -> None:
        """Apply `script` to the next `times` requests of an operation, after those already waiting."""
        parse_script(script)
        with self._lock:
            self._queued += [(face, operation, script)] * times

    def bind(self, face: str, ending: str, script: str) -> None:
        """Apply `script` to every request whose value ends in `ending`."""
        parse_script(script)
        with self._lock:
            self._bound[face, ending] = script

    def take(self, face: str, operation: str) -> Script | None:
        """Return and remove the script waiting for this operation, if any."""
        with self._lock:
            for place, (its_face, its_operation, script) in enumerate(self._queued):
                if (its_face, its_operation) == (face, operation):
                    del self._queued[place]
                    return parse_script(script)
        return None

    def bound_to(self, face: str, value: str) -> Script | None:
        """Return the script bound to the longest ending of `value`, if any."""
        with self._lock:
            endings = [end for its_face, end in self._bound if its_face == face and value.endswith(end)]
            return parse_script(self._bound[face, max(endings, key=len)]) if endings else None

    def clear(self) -> None:
        """Forget every waiting and bound script."""
        with self._lock:
            self._queued.clear()
            self._bound.clear()

    def as_document(self) -> dict[str, object]:
        """Return what waits and what is bound, as JSON members."""
        with self._lock:
            queued = [{"face": face, "operation": name, "script": script} for face, name, script in self._queued]
            bound = [{"face": face, "ending": end, "script": text} for (face, end), text in self._bound.items()]
        return {"queued": queued, "bound": bound}


def perform(
    script: Script | None,
    work: Callable[[], Response],
    refuse: Callable[[int], Response],
    wait: Callable[[float], object],
) -> Response:
    """Answer a request under `script`.

    `work` does what was asked; `refuse` gives the face's own body for HTTP 500 and 429; `wait` sleeps.
    Raise Dropped where the connection must close without an answer.
    """
    name = script.name if script else "ok"
    if name in {"http_500", "http_429"}:
        return refuse(int(name[5:]))
    if name == "html_error":
        return html_response("<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>", 503)
    if name == "drop_before":
        raise Dropped
    response = work()
    if name == "drop_after":
        raise Dropped
    if script and name == "hang":
        wait(script.number)
    return response
