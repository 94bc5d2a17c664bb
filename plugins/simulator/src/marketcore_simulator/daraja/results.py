"""The body Daraja posts to a ResultURL, with its oddities: a list here, a lone object there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from marketcore_simulator.daraja.written import written

#: Result codes of instructions and what Daraja says with them.
TEXTS: Mapping[str, str] = {
    "0": "The service request is processed successfully.",
    "1": "The balance is insufficient for the transaction.",
    "2": "Declined due to limit rule: less than the minimum transaction amount.",
    "3": "Declined due to limit rule: greater than the maximum transaction amount.",
    "4": "Declined due to limit rule: would exceed the daily transfer limit.",
    "8": "Declined due to limit rule: would exceed the maximum balance.",
    "11": "The DebitParty is in an invalid state.",
    "21": "The initiator is not allowed to initiate this request.",
    "2001": "The initiator information is invalid.",
    "2006": "Declined due to account rule: the account status does not allow this transaction.",
    "2028": "The request is not permitted according to product assignment.",
    "2040": "Credit Party customer type (Unregistered or Registered Customer) can't be supported by the service.",
    "8006": "The security credential is locked.",
    "R000001": "The transaction has already been reversed.",
    "R000002": "The OriginalTransactionID is invalid.",
    "SFC_IC0003": "The operator does not exist.",
}

Parameters = Sequence[tuple[str, object]]


@dataclass(frozen=True)
class Findings:
    """What came of an instruction: a result code as text, a transaction id, and parameters that may repeat a key."""

    code: str
    transaction_id: str
    parameters: Parameters = ()

    @property
    def text(self) -> str:
        """Return what Daraja says with the code."""
        return TEXTS.get(self.code, "The transaction failed.")

    def with_wrong_amount(self) -> "Findings":
        """Return the same findings with every amount one shilling off."""
        return replace(self, parameters=[(key, _off_by_one(key, value)) for key, value in self.parameters])


@dataclass(frozen=True)
class Conversation:
    """The two ids of an instruction and the addresses its outcome is posted to."""

    conversation_id: str
    originator_conversation_id: str
    result_url: str
    timeout_url: str


def result_body(talk: Conversation, found: Findings) -> bytes:
    """Return {"Result": …}; a failure has no ResultParameters, ReferenceItem is an object and never a list."""
    result = _head(talk, 0, int(found.code) if found.code.isdecimal() else found.code, found.text)
    result["TransactionID"] = found.transaction_id
    if found.parameters:
        listed = [{"Key": key, "Value": value} for key, value in found.parameters]
        result["ResultParameters"] = {"ResultParameter": listed}
    item = {"Key": "QueueTimeoutURL", "Value": talk.timeout_url}
    return written({"Result": {**result, "ReferenceData": {"ReferenceItem": item}}})


def timeout_body(talk: Conversation) -> bytes:
    """Return what goes to QueueTimeOutURL. It says nothing about the money; its shape is not documented."""
    return written({"Result": _head(talk, 1, 1037, "The request timed out in the queue.")})


def _head(talk: Conversation, kind: int, code: int | str, text: str) -> dict[str, object]:
    return {
        "ResultType": kind,
        "ResultCode": code,
        "ResultDesc": text,
        "OriginatorConversationID": talk.originator_conversation_id,
        "ConversationID": talk.conversation_id,
    }


def _off_by_one(key: str, value: object) -> object:
    if key not in {"TransactionAmount", "Amount"} or not isinstance(value, (int, Decimal)):
        return value
    return value + 1
