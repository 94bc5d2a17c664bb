"""Ask what became of a transaction, by its receipt or by the conversation that ordered it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from marketcore_simulator.daraja import credentials, fields
from marketcore_simulator.daraja.callbacks import NAIROBI
from marketcore_simulator.daraja.initiators import read_initiator
from marketcore_simulator.daraja.instructions import Instructions
from marketcore_simulator.daraja.payouts import SHORTCODES, Payout, PayoutDesk
from marketcore_simulator.daraja.refusals import bad_field
from marketcore_simulator.daraja.results import Conversation, Findings
from marketcore_simulator.daraja.reversals import RECEIPT
from marketcore_simulator.daraja.transactions import Transaction, TransactionBook
from marketcore_simulator.scripts import Script
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Response

_PAYOUT_STATUS = {"pending": "Pending", "failed": "Declined"}


@dataclass(frozen=True)
class _Question:
    receipt: str | None
    conversation_id: str | None
    authorised: bool


class StatusDesk:
    """Answer status queries from the transactions and payouts of this world."""

    def __init__(self, world: World, book: TransactionBook, payouts: PayoutDesk, instructions: Instructions) -> None:
        self._world = world
        self._book = book
        self._payouts = payouts
        self._instructions = instructions

    def request(self, document: Mapping[str, object], script: Script | None) -> Response:
        """Accept a question; raise Refusal for a bad field."""
        question = _read(document)
        talk = self._instructions.conversation(document)
        name = f"status of {question.receipt or question.conversation_id}"
        return self._instructions.accept(talk, name, lambda forced: self._answer(question, talk, forced), script)

    def _answer(self, question: _Question, talk: Conversation, forced: str | None) -> Findings:
        receipt = self._world.ids.letters("receipt", 10)
        if forced or not question.authorised:
            return Findings(forced or "2001", receipt)
        payout = self._payouts.find(question.conversation_id) if question.conversation_id else None
        made = self._book.find(question.receipt or (payout.receipt if payout else None) or "")
        if made is not None:
            return Findings("0", receipt, _about(made, talk))
        if payout is not None:
            return Findings("0", receipt, _about_unpaid(payout, talk))
        return Findings("R000002", receipt)


def _read(document: Mapping[str, object]) -> _Question:
    authorised = read_initiator(document, "Initiator")
    fields.one_of(document, "CommandID", ("TransactionStatusQuery",))
    fields.one_of(document, "PartyA", SHORTCODES)
    fields.one_of(document, "IdentifierType", ("4",))
    fields.text(document, "Remarks", 2, 100)
    fields.text(document, "Occasion", 0, 100)
    original = fields.text(document, "OriginalConversationID", 0, 100) or None
    if document.get("TransactionID"):
        return _Question(fields.matching(document, "TransactionID", RECEIPT), original, authorised)
    if original is None:
        raise bad_field("TransactionID")
    return _Question(None, original, authorised)


def _about(made: Transaction, talk: Conversation) -> list[tuple[str, object]]:
    customer, shop = f"{made.phone} - JANE DOE", f"{credentials.SHORTCODE} - DEMO SHOP"
    debit, credit = (customer, shop) if made.incoming else (shop, customer)
    return [
        ("DebitPartyName", debit),
        ("CreditPartyName", credit),
        ("TransactionStatus", made.status),
        ("Amount", Decimal(made.amount)),
        ("ReceiptNo", made.receipt),
        ("InitiatedTime", _stamp(made.at)),
        ("FinalisedTime", _stamp(made.at)),
        ("DebitPartyName", debit),
        ("OriginatorConversationID", talk.originator_conversation_id),
        ("ConversationID", talk.conversation_id),
    ]


def _about_unpaid(payout: Payout, talk: Conversation) -> list[tuple[str, object]]:
    return [
        ("TransactionStatus", _PAYOUT_STATUS[payout.state]),
        ("Amount", Decimal(payout.amount)),
        ("CreditPartyName", f"{payout.phone} - JANE DOE"),
        ("OriginatorConversationID", talk.originator_conversation_id),
        ("ConversationID", talk.conversation_id),
    ]


def _stamp(at: datetime) -> int:
    return int(f"{at.astimezone(NAIROBI):%Y%m%d%H%M%S}")
