"""The course of a prompt: from the push, through the decision, to the callback."""

from collections.abc import Mapping

from marketcore_simulator.daraja.callbacks import callback_body, envelope, forged_body
from marketcore_simulator.daraja.prompts import AlreadyDecided, Prompt, PromptBook
from marketcore_simulator.daraja.rules import PushOrder
from marketcore_simulator.daraja.transactions import TransactionBook
from marketcore_simulator.events import Event
from marketcore_simulator.scripts import Script
from marketcore_simulator.world import World

_NOBODY = Script("handset")

#: What each script decides, and the setting that says when; every other script approves.
_DECISIONS: Mapping[str, tuple[str, str]] = {
    "handset": ("ignore", "prompt_expires_after"),
    "cancel": ("cancel", "cancel_after"),
    "no_response": ("ignore", "no_response_after"),
    "insufficient": ("insufficient", "approve_after"),
    "wrong_pin": ("wrong_pin", "approve_after"),
    "late_success": ("approve", "late_after"),
}
_APPROVAL = ("approve", "approve_after")


class PhoneBusy(Exception):
    """Say that the payer's phone shows another prompt."""


class PromptDesk:
    """Open prompts, let scripts or people decide them, and send what Daraja would send."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.prompts = PromptBook(world)
        self.book = TransactionBook(world)

    def open(self, order: PushOrder, script: Script | None) -> Prompt:
        """Open a prompt and set its script going; without one it waits for a person until it expires.

        Raise PhoneBusy when another prompt waits on the phone.
        """
        prompt = self._put_on_phone(order, script)
        self._log("prompt", f"{order.reference}: KES {order.amount} asked of {order.phone}", prompt)
        if order.misrouted:
            self.decide(prompt, "misroute")
        elif script is not None and script.name == "callback_first":
            self._take(prompt, "approve")
            self._report(prompt)
        else:
            self._decide_later(prompt, script or _NOBODY)
        return prompt

    def decide(self, prompt: Prompt, decision: str, script: Script | None = None) -> None:
        """Decide a prompt and schedule its callbacks; raise AlreadyDecided when it was decided before."""
        self._take(prompt, decision)
        if script is not None and script.name == "no_callback":
            return
        copies = 1 + int(script.number) if script and script.name == "dup_callback" else 1
        extra = script.number if script and script.name == "slow_callback" else 0
        amount = _wrong(prompt.order.amount) if script and script.name == "wrong_amount" else None
        for _ in range(copies):
            self._world.timers.after(self._world.settings.callback_after + extra, lambda: self._report(prompt, amount))

    def forge(self, prompt: Prompt, changes: Mapping[str, object]) -> Event:
        """Send a forged success to the prompt's callback address; the prompt itself stays as it is."""
        receipt = self._world.ids.letters("forged receipt", 10)
        body = forged_body(prompt, receipt, self._world.clock.now(), changes)
        return self._world.courier.deliver(envelope(prompt, body, "Forged callback"))

    def _put_on_phone(self, order: PushOrder, script: Script | None) -> Prompt:
        with self._world.lock:
            if self._world.settings.one_prompt_per_phone and self.prompts.on_the_phone(order.phone):
                raise PhoneBusy(f"a prompt waits on {order.phone} already")
            return self.prompts.open(order, script.name if script else None)

    def _decide_later(self, prompt: Prompt, script: Script) -> None:
        decision, delay = _DECISIONS.get(script.name, _APPROVAL)
        seconds = getattr(self._world.settings, delay)
        self._world.timers.after(seconds, lambda: self._decide_unless_decided(prompt, decision, script))

    def _decide_unless_decided(self, prompt: Prompt, decision: str, script: Script) -> None:
        try:
            self.decide(prompt, decision, script)
        except AlreadyDecided:
            return  # a person at the handset was quicker

    def _take(self, prompt: Prompt, decision: str) -> None:
        with self._world.lock:
            self.prompts.decide(prompt, decision)
            if prompt.receipt is not None:
                order = prompt.order
                self.book.record("stk", prompt.receipt, order.amount, order.phone, order.reference)
        self._log("decision", f"{prompt.order.reference}: {prompt.state}", prompt)

    def _report(self, prompt: Prompt, amount: int | None = None) -> None:
        body = callback_body(prompt, prompt.order.amount if amount is None else amount)
        self._world.courier.deliver(envelope(prompt, body, "Callback"))

    def _log(self, kind: str, summary: str, prompt: Prompt) -> None:
        self._world.log.add("daraja", kind, summary, checkout_request_id=prompt.checkout_request_id)


def _wrong(amount: int) -> int:
    return amount - 1 if amount > 1 else amount + 1
