"""Instructions Daraja accepts at once and answers later at a ResultURL."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from marketcore_simulator.daraja import fields
from marketcore_simulator.daraja.results import Conversation, Findings, result_body, timeout_body
from marketcore_simulator.events import Envelope
from marketcore_simulator.scripts import Script
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Response, json_response

HEADERS = (("Content-Type", "application/json;charset=UTF-8"),)

#: Does what was asked, or fails with the given result code.
Work = Callable[[str | None], Findings]

_ORDINARY = Script("ok")
#: A queue that gave up is reported in the same way whether the money moved or not.
_QUEUE = {"queue_timeout", "queue_failed"}


class Instructions:
    """Accept an instruction, carry it out when its time has come, and post what came of it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def conversation(self, document: Mapping[str, object], originator: str | None = None) -> Conversation:
        """Begin a conversation about a request; raise Refusal when an address in it is unfit."""
        timeout_url = fields.address(document, "QueueTimeOutURL")
        result_url = fields.address(document, "ResultURL")
        ids = self._world.ids
        return Conversation(
            f"AG_{self._world.clock.now():%Y%m%d}_{ids.letters('conversation', 20).lower()}",
            originator or f"{ids.digits('originator', 5)}-{ids.digits('originator', 8)}-1",
            result_url,
            timeout_url,
        )

    def accept(self, talk: Conversation, name: str, work: Work, script: Script | None) -> Response:
        """Answer that the request was accepted, which says nothing of its success, and see to it later."""
        chosen = script if script is not None and script.concerns_payment else _ORDINARY
        settings = self._world.settings
        if chosen.name == "callback_first":
            self._carry_out(talk, name, work, chosen)
        else:
            delay = settings.late_after if chosen.name == "late_success" else settings.result_after
            self._world.timers.after(delay, lambda: self._carry_out(talk, name, work, chosen))
        return _accepted(talk)

    def _carry_out(self, talk: Conversation, name: str, work: Work, script: Script) -> None:
        with self._world.lock:
            found = work(_forced_code(script))
        self._world.log.add("daraja", "result", f"{name}: {found.code}", conversation_id=talk.conversation_id)
        if script.name == "no_callback":
            return
        envelope = self._envelope(talk, name, found, script)
        copies = 1 + int(script.number) if script.name == "dup_callback" else 1
        delay = script.number if script.name == "slow_callback" else 0
        if script.name == "callback_first":
            self._world.courier.deliver(envelope)
            return
        for _ in range(copies):
            self._world.timers.after(delay, lambda: self._world.courier.deliver(envelope))

    def _envelope(self, talk: Conversation, name: str, found: Findings, script: Script) -> Envelope:
        if script.name in _QUEUE:
            return Envelope("daraja", f"Queue timeout of {name}", talk.timeout_url, HEADERS, timeout_body(talk))
        told = found.with_wrong_amount() if script.name == "wrong_amount" else found
        body = result_body(self._as_told(talk, script), told)
        return Envelope("daraja", f"Result of {name}", talk.result_url, HEADERS, body)

    def _as_told(self, talk: Conversation, script: Script) -> Conversation:
        """Return the conversation under the ids the result gives it, which may be strange ones."""
        strange = f"{self._world.ids.digits('originator', 5)}-{self._world.ids.digits('originator', 8)}-9"
        if script.name == "foreign_originator":
            return replace(talk, originator_conversation_id=strange)
        if script.name == "unknown_reference":
            return replace(talk, originator_conversation_id=strange, conversation_id=f"AG_{strange}")
        return talk


def _forced_code(script: Script) -> str | None:
    if script.name == "result":
        return str(int(script.number))
    return "1" if script.name == "queue_failed" else None


def _accepted(talk: Conversation) -> Response:
    return json_response(
        {
            "ConversationID": talk.conversation_id,
            "OriginatorConversationID": talk.originator_conversation_id,
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        }
    )
