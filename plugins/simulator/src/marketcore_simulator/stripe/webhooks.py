"""Event destinations: who is told what, signed, at least once, in an order nobody promises."""

import copy
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from marketcore_simulator.events import Envelope, Event
from marketcore_simulator.scripts import Script
from marketcore_simulator.stripe.notices import Notice
from marketcore_simulator.stripe.signatures import signature_header
from marketcore_simulator.stripe.store import public
from marketcore_simulator.world import World

#: Seconds of simulated time before the second, third and fourth attempt.
RETRY_AFTER = (10, 60, 600)

_AMOUNTS = ("amount", "amount_total", "amount_received", "amount_captured", "amount_refunded")
_REFERENCES = ("id", "client_reference_id", "payment_intent", "charge", "transfer_group")


@dataclass
class Endpoint:
    """One address. `connect` endpoints hear of connected accounts, `thin` ones of v2 events, others of the platform."""

    id: str
    url: str
    secrets: list[str]
    connect: bool = False
    thin: bool = False
    events: list[str] = field(default_factory=lambda: ["*"])

    def wants(self, notice: Notice) -> bool:
        """Tell whether an event belongs here."""
        if notice.thin != self.thin or (not self.thin and self.connect != (notice.account is not None)):
            return False
        return "*" in self.events or notice.event["type"] in self.events

    def as_document(self) -> dict[str, object]:
        """Return the endpoint as JSON members."""
        return {name: copy.copy(value) for name, value in vars(self).items()}


class Webhooks:
    """Register endpoints and deliver events to them, trying again after anything but a 2xx."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._endpoints: dict[str, Endpoint] = {}

    def register(self, document: Mapping[str, Any]) -> Endpoint:
        """Add the endpoint {url, secret?, connect?, thin?, events?}; raise ValueError naming what is wrong."""
        url, secret = document.get("url"), document.get("secret", self._new_secret())
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise ValueError(f"url {url!r} is not the address of an endpoint")
        if not isinstance(secret, str) or not secret:
            raise ValueError("secret is empty or not text")
        endpoint = Endpoint(f"we_{self._world.ids.letters('we', 24)}", url, [secret])
        endpoint.connect = _flag(document, "connect")
        endpoint.thin = _flag(document, "thin")
        endpoint.events = _event_names(document.get("events", ["*"]))
        with self._world.lock:
            self._endpoints[endpoint.id] = endpoint
        return endpoint

    def rotate(self, endpoint_id: str, secret: object = None, keep_old: bool = True) -> Endpoint:
        """Give an endpoint a new secret; while `keep_old`, deliveries carry a signature by each."""
        endpoint = self.get(endpoint_id)
        new = secret if isinstance(secret, str) and secret else self._new_secret()
        endpoint.secrets = [*endpoint.secrets, new] if keep_old else [new]
        return endpoint

    def get(self, endpoint_id: str) -> Endpoint:
        """Return one endpoint; raise LookupError when there is none."""
        if endpoint_id not in self._endpoints:
            raise LookupError(f"there is no endpoint {endpoint_id}")
        return self._endpoints[endpoint_id]

    def all(self) -> list[Endpoint]:
        """Return every endpoint."""
        return list(self._endpoints.values())

    def remove(self, endpoint_id: str) -> None:
        """Forget an endpoint; raise LookupError when there is none."""
        del self._endpoints[self.get(endpoint_id).id]

    def clear(self) -> None:
        """Forget every endpoint."""
        self._endpoints.clear()

    def send(self, notices: list[Notice], at_once: bool = False) -> None:
        """Deliver events in the order they happened, or reversed where a script says so.

        `at_once` delivers before returning; otherwise `callback_after` seconds pass, more for slow_callback.
        """
        reverse = any(_is(notice.script, "reorder") for notice in notices)
        by_delay: defaultdict[float, list[tuple[Endpoint, Notice]]] = defaultdict(list)
        for notice in reversed(notices) if reverse else notices:
            for endpoint in self.addressed(notice):
                by_delay[_delay(notice.script)] += [(endpoint, notice)] * _copies(notice.script)
        for delay, deliveries in by_delay.items():
            if at_once:
                self._deliver_all(deliveries)
            else:
                after = self._world.settings.callback_after + delay
                self._world.timers.after(after, partial(self._deliver_all, deliveries))

    def addressed(self, notice: Notice) -> list[Endpoint]:
        """Return the endpoints an event is for, none under no_callback."""
        if _is(notice.script, "no_callback"):
            return []
        return [endpoint for endpoint in self.all() if endpoint.wants(notice)]

    def deliver(self, endpoint: Endpoint, notice: Notice) -> Event:
        """Sign and post an event once; the logged delivery has `status` or `problem`."""
        body = _body(notice)
        at = int(self._world.clock.now().timestamp())
        tampered = _is(notice.script, "tampered_signature")
        secrets = [f"{secret}-tampered" if tampered else secret for secret in endpoint.secrets]
        headers = (
            ("Content-Type", "application/json; charset=utf-8"),
            ("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
            ("Stripe-Signature", signature_header(body, secrets, at)),
        )
        subject = f"{notice.event['type']} {notice.event['id']}"
        return self._world.courier.deliver(Envelope("stripe", subject, endpoint.url, headers, body))

    def _deliver_all(self, deliveries: Iterable[tuple[Endpoint, Notice]]) -> None:
        for endpoint, notice in deliveries:
            self._attempt(endpoint, notice, 0)

    def _attempt(self, endpoint: Endpoint, notice: Notice, earlier: int) -> None:
        status = self.deliver(endpoint, notice).detail.get("status")
        if isinstance(status, int) and 200 <= status < 300:
            self._one_less_pending(notice)
        elif earlier < len(RETRY_AFTER):
            self._world.timers.after(RETRY_AFTER[earlier], partial(self._attempt, endpoint, notice, earlier + 1))

    def _one_less_pending(self, notice: Notice) -> None:
        with self._world.lock:
            if notice.event.get("pending_webhooks"):
                notice.event["pending_webhooks"] -= 1

    def _new_secret(self) -> str:
        return f"whsec_{self._world.ids.letters('whsec', 32)}"


def _is(script: Script | None, name: str) -> bool:
    return script is not None and script.name == name


def _delay(script: Script | None) -> float:
    return script.number if script is not None and script.name == "slow_callback" else 0


def _copies(script: Script | None) -> int:
    return 1 + int(script.number) if script is not None and script.name == "dup_callback" else 1


def _body(notice: Notice) -> bytes:
    """Write an event, changed as its script asks; the recorded event stays true."""
    event = public(notice.event)
    if not notice.thin and _is(notice.script, "wrong_amount"):
        _change(event["data"]["object"], _AMOUNTS, lambda value: value - 1 if value > 1 else value + 1)
    if not notice.thin and _is(notice.script, "unknown_reference"):
        _change(event["data"]["object"], _REFERENCES, lambda value: f"{value}UNKNOWN")
        event["data"]["object"]["metadata"] = {}
    return json.dumps(event, indent=2).encode("utf-8")


def _change(document: dict[str, Any], names: Iterable[str], change: Any) -> None:
    for name in names:
        if document.get(name):
            document[name] = change(document[name])


def _flag(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"{name} {value!r} is neither true nor false")
    return value


def _event_names(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"events {value!r} is not a list of event types")
    return value
