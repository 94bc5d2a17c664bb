"""B2C: pay a customer's phone from the organisation's account."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from marketcore_simulator.daraja import credentials, fields
from marketcore_simulator.daraja.callbacks import NAIROBI
from marketcore_simulator.daraja.initiators import read_initiator
from marketcore_simulator.daraja.instructions import Instructions
from marketcore_simulator.daraja.refusals import Refusal
from marketcore_simulator.daraja.results import Conversation, Findings
from marketcore_simulator.daraja.transactions import Transaction, TransactionBook
from marketcore_simulator.scripts import Script
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Response

COMMANDS = ("BusinessPayment", "SalaryPayment", "PromotionPayment")
SHORTCODES = (credentials.B2C_SHORTCODE, credentials.SHORTCODE)
LOWEST, HIGHEST = 10, 250_000

_ORIGINATOR = re.compile(r"[!-~]{1,100}")


@dataclass
class Payout:
    """One payout in whole KES: `state` is pending, then completed (with a receipt) or failed (with a code)."""

    talk: Conversation
    command: str
    amount: int
    phone: str
    remarks: str
    authorised: bool
    state: str = "pending"
    code: str | None = None
    receipt: str | None = None

    def as_document(self) -> dict[str, object]:
        """Return the payout as JSON members."""
        return {
            "conversation_id": self.talk.conversation_id,
            "originator_conversation_id": self.talk.originator_conversation_id,
            "command": self.command,
            "amount": self.amount,
            "phone": self.phone,
            "remarks": self.remarks,
            "state": self.state,
            "result_code": self.code,
            "receipt": self.receipt,
        }


class PayoutDesk:
    """Take B2C requests, once per OriginatorConversationID, and pay them while the balance lasts."""

    def __init__(self, world: World, book: TransactionBook, instructions: Instructions) -> None:
        self._world = world
        self._book = book
        self._instructions = instructions
        self._payouts: dict[str, Payout] = {}

    def request(self, document: Mapping[str, object], script: Script | None) -> Response:
        """Accept a payout; raise Refusal for a bad field or an OriginatorConversationID used before."""
        payout = self._read(document)
        with self._world.lock:
            key = payout.talk.originator_conversation_id
            if key in self._payouts:
                raise Refusal(500, "500.002.1001", "Duplicate OriginatorConversationID.")
            self._payouts[key] = payout
        name = f"payout of KES {payout.amount} to {payout.phone}"
        self._world.log.add("daraja", "payout", name, conversation_id=payout.talk.conversation_id)
        return self._instructions.accept(payout.talk, name, lambda forced: self._pay(payout, forced), script)

    def find(self, conversation_id: str) -> Payout | None:
        """Return the payout with this id, given by either side."""
        for payout in self.all():
            if conversation_id in {payout.talk.conversation_id, payout.talk.originator_conversation_id}:
                return payout
        return None

    def all(self) -> list[Payout]:
        """Return every payout, oldest first."""
        with self._world.lock:
            return list(self._payouts.values())

    def clear(self) -> None:
        """Forget every payout."""
        with self._world.lock:
            self._payouts.clear()

    def _read(self, document: Mapping[str, object]) -> Payout:
        originator = fields.matching(document, "OriginatorConversationID", _ORIGINATOR)
        authorised = read_initiator(document, "InitiatorName")
        fields.one_of(document, "PartyA", SHORTCODES)
        fields.text(document, "Occassion", 0, 100)
        return Payout(
            command=fields.one_of(document, "CommandID", COMMANDS),
            amount=fields.amount(document, LOWEST, HIGHEST),
            phone=fields.matching(document, "PartyB", fields.PHONE),
            remarks=fields.text(document, "Remarks", 2, 100),
            authorised=authorised,
            talk=self._instructions.conversation(document, originator),
        )

    def _pay(self, payout: Payout, forced: str | None) -> Findings:
        receipt = self._world.ids.letters("receipt", 10)
        payout.code = forced or self._obstacle(payout) or "0"
        if payout.code != "0":
            payout.state = "failed"
            return Findings(payout.code, receipt)
        payout.state, payout.receipt = "completed", receipt
        reference = payout.talk.originator_conversation_id
        made = self._book.record("b2c", receipt, payout.amount, payout.phone, reference)
        return Findings("0", receipt, self._parameters(made))

    def _obstacle(self, payout: Payout) -> str | None:
        if not payout.authorised:
            return "2001"
        return "1" if payout.amount > self._book.utility else None

    def _parameters(self, made: Transaction) -> list[tuple[str, object]]:
        return [
            ("TransactionAmount", made.amount),
            ("TransactionReceipt", made.receipt),
            ("ReceiverPartyPublicName", f"{made.phone} - JANE DOE"),
            ("TransactionCompletedDateTime", f"{made.at.astimezone(NAIROBI):%d.%m.%Y %H:%M:%S}"),
            ("B2CUtilityAccountAvailableFunds", Decimal(self._book.utility)),
            ("B2CWorkingAccountAvailableFunds", Decimal(self._book.working)),
            ("B2CRecipientIsRegisteredCustomer", "Y"),
            ("B2CChargesPaidAccountAvailableFunds", Decimal(0)),
        ]
