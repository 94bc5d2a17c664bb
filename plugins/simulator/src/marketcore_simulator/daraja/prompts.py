"""STK prompts: the question on the payer's phone and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from marketcore_simulator.daraja.rules import PushOrder
from marketcore_simulator.world import World


@dataclass(frozen=True)
class Result:
    """One ResultCode; the texts of callback and query differ, as Daraja's do."""

    state: str
    code: int
    callback_text: str
    query_text: str


#: What a person, a script or the gateway itself may decide about a prompt.
RESULTS: Mapping[str, Result] = {
    "approve": Result(
        "approved",
        0,
        "The service request is processed successfully.",
        "The service request has been accepted and processed.",
    ),
    "cancel": Result("cancelled", 1032, "Request cancelled by user", "The request was cancelled by the user."),
    "ignore": Result("ignored", 1037, "No response from user.", "DS timeout user cannot be reached."),
    "wrong_pin": Result(
        "wrong_pin", 2001, "The initiator information is invalid.", "The PIN given is not the payer's."
    ),
    "insufficient": Result(
        "insufficient",
        1,
        "The balance is insufficient for the transaction.",
        "Not enough money in the wallet.",
    ),
    "repeat": Result("refused", 17, "System internal error: a similar transaction is too recent.", "Rule limited."),
    "misroute": Result(
        "refused",
        2028,
        "The request is not permitted for the product.",
        "Product assignment is not permitted.",
    ),
}

#: The decisions a person can take on the handset.
PERSONAL = ("approve", "cancel", "wrong_pin", "insufficient", "ignore")


class AlreadyDecided(Exception):
    """Say that a prompt left the phone before."""


@dataclass
class Prompt:
    """One prompt; `state` is prompted until a decision gives it the state of its result."""

    checkout_request_id: str
    merchant_request_id: str
    order: PushOrder
    opened_at: datetime
    script: str | None
    state: str = "prompted"
    result: Result | None = None
    receipt: str | None = None
    decided_at: datetime | None = None
    polls: int = field(default=0, repr=False)

    def as_document(self) -> dict[str, object]:
        """Return the prompt as JSON members."""
        return {
            "checkout_request_id": self.checkout_request_id,
            "merchant_request_id": self.merchant_request_id,
            "phone": self.order.phone,
            "amount": self.order.amount,
            "reference": self.order.reference,
            "description": self.order.description,
            "callback_url": self.order.callback_url,
            "state": self.state,
            "result_code": self.result.code if self.result else None,
            "receipt": self.receipt,
            "script": self.script,
            "opened_at": self.opened_at.isoformat(),
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
        }


class PromptBook:
    """Open prompts and decide them; a prompt is decided once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._prompts: dict[str, Prompt] = {}

    def open(self, order: PushOrder, script: str | None) -> Prompt:
        """Put a prompt on the payer's phone."""
        ids = self._world.ids
        prompt = Prompt(
            checkout_request_id=f"ws_CO_{ids.digits('checkout', 20)}",
            merchant_request_id=f"{ids.digits('merchant', 5)}-{ids.digits('merchant', 8)}-1",
            order=order,
            opened_at=self._world.clock.now(),
            script=script,
        )
        with self._world.lock:
            self._prompts[prompt.checkout_request_id] = prompt
        return prompt

    def decide(self, prompt: Prompt, decision: str) -> None:
        """Take a decision of `RESULTS`; raise AlreadyDecided when there was one before.

        Approving the same amount from the same phone again within `repeat_window` is refused with 17.
        """
        with self._world.lock:
            if prompt.state != "prompted":
                raise AlreadyDecided(f"prompt {prompt.checkout_request_id} is {prompt.state} already")
            prompt.decided_at = self._world.clock.now()
            if decision == "approve" and self._repeats(prompt):
                decision = "repeat"
            prompt.result = RESULTS[decision]
            prompt.state = prompt.result.state
            if decision == "approve":
                prompt.receipt = self._world.ids.letters("receipt", 10)

    def on_the_phone(self, phone: str) -> bool:
        """Tell whether a prompt waits on this phone."""
        return any(prompt.state == "prompted" and prompt.order.phone == phone for prompt in self.all())

    def get(self, checkout_request_id: str) -> Prompt:
        """Return one prompt; raise LookupError when there is none."""
        with self._world.lock:
            if checkout_request_id not in self._prompts:
                raise LookupError(f"there is no prompt {checkout_request_id}")
            return self._prompts[checkout_request_id]

    def all(self) -> list[Prompt]:
        """Return every prompt, oldest first."""
        with self._world.lock:
            return list(self._prompts.values())

    def clear(self) -> None:
        """Forget every prompt."""
        with self._world.lock:
            self._prompts.clear()

    def _repeats(self, prompt: Prompt) -> bool:
        since = self._world.clock.now() - timedelta(seconds=self._world.settings.repeat_window)
        return any(
            earlier.state == "approved"
            and (earlier.order.phone, earlier.order.amount) == (prompt.order.phone, prompt.order.amount)
            and earlier.decided_at is not None
            and earlier.decided_at > since
            for earlier in self.all()
        )
