"""What the parts of the Stripe face share: the store, the balance, the scripts of objects, and events."""

import contextlib
from collections.abc import Callable, Iterator

from marketcore_simulator.scripts import Script
from marketcore_simulator.stripe import notices
from marketcore_simulator.stripe.ledger import Ledger
from marketcore_simulator.stripe.notices import Cause, Notice
from marketcore_simulator.stripe.store import Document, Store
from marketcore_simulator.stripe.webhooks import Webhooks
from marketcore_simulator.world import World


class Gateway:
    """Change the gateway's state inside `acting()`; its events leave when the change is complete."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = Store()
        self.ledger = Ledger(world, self.store)
        self.webhooks = Webhooks(world)
        self.script: Script | None = None
        self._cause = Cause()
        self._scripts: dict[str, Script] = {}
        self._happened: list[Notice] = []

    @contextlib.contextmanager
    def acting(self, script: Script | None = None, cause: Cause | None = None) -> Iterator[None]:
        """Hold the world while one thing happens, then send its events, even if it ended in a refusal."""
        try:
            with self.world.lock:
                self.script, self._cause, self._happened = script, cause or Cause(), []
                try:
                    yield
                finally:
                    happened, self.script = self._happened, None
        finally:
            self.webhooks.send(happened, at_once=script is not None and script.name == "callback_first")

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Let something happen after seconds of simulated time."""

        def act() -> None:
            with self.acting():
                action()

        self.world.timers.after(seconds, act)

    def now(self) -> int:
        """Return the simulated time in Unix seconds."""
        return int(self.world.clock.now().timestamp())

    def new_id(self, prefix: str, length: int = 24) -> str:
        """Return an identifier with Stripe's prefix."""
        return f"{prefix}_{self.world.ids.letters(prefix, length)}"

    def follow(self, document: Document, example: Document | None = None) -> None:
        """Let what happens to an object follow the script of the request, or that of `example`."""
        script = self.script if example is None else self.script_of(example)
        if script is not None:
            self._scripts[document["id"]] = script

    def script_of(self, document: Document) -> Script | None:
        """Return the script an object follows."""
        return self._scripts.get(document["id"])

    def follows(self, document: Document, *names: str) -> bool:
        """Tell whether an object follows one of these scripts."""
        script = self.script_of(document)
        return script is not None and script.name in names

    def emit(
        self,
        kind: str,
        document: Document,
        account: str | None = None,
        previous: Document | None = None,
        about: Document | None = None,
    ) -> Document:
        """Record a snapshot event; it is delivered under the script of `about`, by default the object's own."""
        event = notices.snapshot(self.new_id("evt"), kind, document, self.now(), self._cause, account, previous)
        notice = Notice(event, self.script_of(document if about is None else about))
        event["pending_webhooks"] = len(self.webhooks.addressed(notice))
        self._record(notice, account)
        return event

    def emit_thin(self, kind: str, account_id: str, data: Document, changes: Document | None = None) -> Document:
        """Record a v2 event about an account."""
        at = self.world.clock.now()
        event = notices.thin(f"evt_test_{self.new_id('v2')[3:]}", kind, account_id, at, data, changes)
        self._record(Notice(event, self._scripts.get(account_id)), None)
        return event

    def resend(self, event: Document, endpoint_id: str | None = None) -> list[Document]:
        """Deliver a recorded event again, signed anew; return the deliveries."""
        notice = Notice(event, None)
        endpoints = [self.webhooks.get(endpoint_id)] if endpoint_id else self.webhooks.addressed(notice)
        return [self.webhooks.deliver(endpoint, notice).as_document() for endpoint in endpoints]

    def clear(self) -> None:
        """Forget everything."""
        with self.world.lock:
            self.store.clear()
            self.ledger.clear()
            self.webhooks.clear()
            self._scripts.clear()

    def _record(self, notice: Notice, account: str | None) -> None:
        self.store.add(notice.event, account)
        self._happened.append(notice)
        subject = notice.event["data"]["object"]["id"] if not notice.thin else notice.event["related_object"]["id"]
        self.world.log.add("stripe", "event", f"{notice.event['type']} {subject}", event_id=notice.event["id"])
