"""Webhooks: signed snapshots, retried with back-off for 24 hours, after which the webhook is disabled."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from marketcore_simulator.events import Envelope
from marketcore_simulator.razorpay import credentials
from marketcore_simulator.scripts import Script
from marketcore_simulator.world import World

#: The seconds the gateway waits for an answer.
ANSWER_SECONDS = 5
#: Seconds between tries; the last is repeated.
BACK_OFF = (60, 300, 900, 1800, 3600, 7200, 14_400)
GIVE_UP = timedelta(hours=24)


@dataclass(frozen=True)
class Notice:
    """One event and the entities it shows, by kind, as they are at this moment."""

    event: str
    entities: Mapping[str, dict[str, object]]


@dataclass
class Webhook:
    """One address; `events` None means all. Signatures are made with `secret` when the event happens."""

    id: str
    url: str
    secret: str
    events: frozenset[str] | None
    active: bool = True

    def as_document(self) -> dict[str, object]:
        """Return the webhook as JSON members, without its secret."""
        events = sorted(self.events) if self.events is not None else None
        return {"id": self.id, "url": self.url, "events": events, "active": self.active}


class Webhooks:
    """The registered webhooks and what is on its way to them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._webhooks: dict[str, Webhook] = {}
        self._first: list[tuple[Webhook, list[Envelope]]] = []

    def register(self, url: str, secret: str, events: frozenset[str] | None) -> Webhook:
        """Add a webhook; every later event it wants is posted to it."""
        webhook = Webhook(self._world.ids.letters("razorpay webhook", 14), url, secret, events)
        with self._world.lock:
            self._webhooks[webhook.id] = webhook
        return webhook

    def get(self, webhook_id: str) -> Webhook:
        """Return one webhook; raise LookupError when there is none."""
        with self._world.lock:
            if webhook_id not in self._webhooks:
                raise LookupError(f"there is no webhook {webhook_id}")
            return self._webhooks[webhook_id]

    def all(self) -> list[Webhook]:
        """Return every webhook."""
        with self._world.lock:
            return list(self._webhooks.values())

    def clear(self) -> None:
        """Forget every webhook."""
        with self._world.lock:
            self._webhooks.clear()
            self._first.clear()

    def tell(self, notices: Sequence[Notice], script: Script) -> None:
        """Post events in order to every active webhook that wants them; the script says what goes wrong."""
        if script.name == "no_callback":
            return
        told = [_altered(notice, script) for notice in notices]
        if script.name == "reorder":
            told.reverse()
        copies = 1 + int(script.number) if script.name == "dup_callback" else 1
        settings = self._world.settings
        delay = settings.razorpay_webhook_after + (script.number if script.name == "slow_callback" else 0)
        for webhook in self.all():
            envelopes = [self._envelope(webhook, notice, script) for notice in told if _wanted(webhook, notice)]
            if script.name == "callback_first":
                self._first.append((webhook, envelopes))
            elif envelopes:
                self._world.timers.after(delay, partial(self._deliver, webhook, envelopes * copies))

    def deliver_first(self) -> None:
        """Deliver what is to arrive before the answer to the request that caused it; hold no lock meanwhile."""
        with self._world.lock:
            waiting, self._first = self._first, []
        for webhook, envelopes in waiting:
            self._deliver(webhook, envelopes)

    def _deliver(self, webhook: Webhook, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            self._try(webhook, envelope, self._world.clock.now(), 0)

    def _try(self, webhook: Webhook, envelope: Envelope, first: datetime, tries: int) -> None:
        if not webhook.active:
            return
        status = self._world.courier.deliver(envelope).detail.get("status")
        if isinstance(status, int) and 200 <= status < 300:
            return
        if self._world.clock.now() - first >= GIVE_UP:
            webhook.active = False
            self._world.log.add("razorpay", "webhook", f"webhook {webhook.id} disabled after 24 hours of failure")
            return
        pause = BACK_OFF[min(tries, len(BACK_OFF) - 1)]
        self._world.timers.after(pause, lambda: self._try(webhook, envelope, first, tries + 1))

    def _envelope(self, webhook: Webhook, notice: Notice, script: Script) -> Envelope:
        body = self._body(notice)
        secret = "another secret" if script.name == "tampered_signature" else webhook.secret
        headers = (
            ("Content-Type", "application/json"),
            ("X-Razorpay-Signature", sign(secret, body)),
            ("x-razorpay-event-id", self._world.ids.letters("razorpay event", 14)),
        )
        return Envelope("razorpay", f"Webhook {notice.event}", webhook.url, headers, body, ANSWER_SECONDS)

    def _body(self, notice: Notice) -> bytes:
        document = {
            "entity": "event",
            "account_id": credentials.ACCOUNT_ID,
            "event": notice.event,
            "contains": list(notice.entities),
            "payload": {kind: {"entity": entity} for kind, entity in notice.entities.items()},
            "created_at": int(self._world.clock.now().timestamp()),
        }
        return json.dumps(document).encode("utf-8")


def sign(secret: str, message: bytes) -> str:
    """Return the HMAC-SHA256 of a message in hexadecimal."""
    return hmac.new(secret.encode("utf-8"), message, hashlib.sha256).hexdigest()


def _wanted(webhook: Webhook, notice: Notice) -> bool:
    return webhook.active and (webhook.events is None or notice.event in webhook.events)


def _altered(notice: Notice, script: Script) -> Notice:
    if script.name == "wrong_amount":
        changed = {kind: _one_less(entity) for kind, entity in notice.entities.items()}
        return Notice(notice.event, changed)
    if script.name == "unknown_reference":
        return Notice(notice.event, {kind: _strange(entity) for kind, entity in notice.entities.items()})
    return notice


def _one_less(entity: dict[str, object]) -> dict[str, object]:
    amount = entity.get("amount")
    return {**entity, "amount": amount - 1} if isinstance(amount, int) else entity


def _strange(entity: dict[str, object]) -> dict[str, object]:
    named = {name for name in entity if name == "id" or name.endswith("_id")}
    return {name: f"{value}X" if name in named and value else value for name, value in entity.items()}
