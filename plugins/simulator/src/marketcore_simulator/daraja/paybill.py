"""C2B: a customer pays the organisation's paybill from the phone's own menu, naming an account."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from marketcore_simulator.daraja import credentials, fields
from marketcore_simulator.daraja.callbacks import NAIROBI
from marketcore_simulator.daraja.instructions import HEADERS
from marketcore_simulator.daraja.payouts import HIGHEST
from marketcore_simulator.daraja.refusals import Refusal, bad_field
from marketcore_simulator.daraja.transactions import Transaction, TransactionBook
from marketcore_simulator.events import Envelope
from marketcore_simulator.scripts import Script
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Response, json_response

#: What the gateway does when the validation address does not answer in time.
RESPONSE_TYPES = ("Completed", "Cancelled")
VALIDATION_SECONDS = 8


class PaymentDeclined(Exception):
    """Say that the shop's validation did not let a payment through."""


@dataclass(frozen=True)
class Registration:
    """The addresses the shop registered, and what to do when validation is silent."""

    when_silent: str
    confirmation_url: str
    validation_url: str


class PaybillDesk:
    """Register the shop's addresses and tell them of payments made at the phone."""

    def __init__(self, world: World, book: TransactionBook) -> None:
        self._world = world
        self._book = book
        self.registration: Registration | None = None

    def register(self, document: Mapping[str, object]) -> Response:
        """Answer registerurl; raise Refusal for a bad field, or for a second time if only one is allowed."""
        registration = _read_registration(document)
        with self._world.lock:
            if self.registration is not None and self._world.settings.c2b_register_once:
                raise Refusal(500, "500.003.1001", "Urls are already registered")
            self.registration = registration
        number = f"{self._world.ids.digits('originator', 5)}-{self._world.ids.digits('originator', 8)}-1"
        return json_response({"OriginatorCoversationID": number, "ResponseCode": "0", "ResponseDescription": "Success"})

    def pay(self, phone: str, amount: int, bill_ref_number: str) -> Transaction:
        """Pay the paybill from a phone and send the confirmation.

        Raise ValueError for what cannot be paid and PaymentDeclined when validation refuses.
        """
        _check_payment(phone, amount, bill_ref_number)
        script = self._world.scripts.take("daraja", "c2b") or self._world.scripts.bound_to("daraja", phone)
        receipt = self._world.ids.letters("receipt", 10)
        self._validate(Transaction(receipt, "c2b", amount, phone, bill_ref_number, self._world.clock.now()))
        made = self._book.record("c2b", receipt, amount, phone, bill_ref_number)
        self._world.log.add("daraja", "c2b", f"{bill_ref_number}: KES {amount} paid from {phone}", receipt=receipt)
        self._confirm(made, script or Script("ok"))
        return made

    def clear(self) -> None:
        """Forget the registered addresses."""
        self.registration = None

    def _validate(self, intended: Transaction) -> None:
        if self.registration is None or not self._world.settings.c2b_validation:
            return
        url, body = self.registration.validation_url, self._body(intended, "")
        subject = f"C2B validation of {intended.reference}"
        told = self._world.courier.deliver(Envelope("daraja", subject, url, HEADERS, body, VALIDATION_SECONDS))
        code = _result_code(told.detail)
        if code is None and self.registration.when_silent == "Completed":
            return
        if code != "0":
            raise PaymentDeclined(f"the shop declined the payment: {code or 'no answer'}")

    def _confirm(self, made: Transaction, script: Script) -> None:
        if self.registration is None or script.name == "no_callback":
            return
        told = made.amount + 1 if script.name == "wrong_amount" else made.amount
        body = self._body(made, f"{self._book.working}.00", told)
        subject = f"C2B confirmation of {made.reference}"
        envelope = Envelope("daraja", subject, self.registration.confirmation_url, HEADERS, body)
        delay = self._world.settings.callback_after + (script.number if script.name == "slow_callback" else 0)
        copies = 1 + int(script.number) if script.name == "dup_callback" else 1
        for _ in range(copies):
            self._world.timers.after(delay, lambda: self._world.courier.deliver(envelope))

    def _body(self, made: Transaction, balance: str, amount: int | None = None) -> bytes:
        """Return a validation or confirmation: every value is text, the phone is masked, nothing is signed."""
        document = {
            "TransactionType": "Pay Bill",
            "TransID": made.receipt,
            "TransTime": f"{made.at.astimezone(NAIROBI):%Y%m%d%H%M%S}",
            "TransAmount": f"{made.amount if amount is None else amount}.00",
            "BusinessShortCode": credentials.SHORTCODE,
            "BillRefNumber": made.reference,
            "InvoiceNumber": "",
            "OrgAccountBalance": balance,
            "ThirdPartyTransID": "",
            "MSISDN": f"{made.phone[:4]} ***** {made.phone[-3:]}",
            "FirstName": "JANE",
            "MiddleName": "",
            "LastName": "DOE",
        }
        return json.dumps(document).encode("utf-8")


def _read_registration(document: Mapping[str, object]) -> Registration:
    if fields.matching(document, "ShortCode", fields.SHORTCODE) != credentials.SHORTCODE:
        raise bad_field("ShortCode")
    return Registration(
        when_silent=fields.one_of(document, "ResponseType", RESPONSE_TYPES),
        confirmation_url=fields.address(document, "ConfirmationURL"),
        validation_url=fields.address(document, "ValidationURL"),
    )


def _check_payment(phone: str, amount: object, bill_ref_number: str) -> None:
    if not fields.PHONE.fullmatch(phone):
        raise ValueError(f"phone {phone!r} is not 2547XXXXXXXX or 2541XXXXXXXX")
    if not isinstance(amount, int) or isinstance(amount, bool) or not 1 <= amount <= HIGHEST:
        raise ValueError(f"amount {amount!r} is not a whole number of KES from 1 to {HIGHEST}")
    if not 1 <= len(bill_ref_number) <= 20:
        raise ValueError(f"bill_ref_number {bill_ref_number!r} is not 1 to 20 characters")


def _result_code(answer: Mapping[str, object]) -> str | None:
    """Return the ResultCode the shop answered with, None when it gave no answer that makes sense."""
    try:
        document = json.loads(str(answer.get("answer", "")))
    except ValueError:
        return None
    code = document.get("ResultCode") if isinstance(document, dict) and answer.get("status") == 200 else None
    return None if code is None else str(code)
