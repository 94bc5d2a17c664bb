"""Pull transactions: what customers paid in the last 48 hours, for when a callback was lost."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from marketcore_simulator.daraja import credentials, fields
from marketcore_simulator.daraja.callbacks import NAIROBI
from marketcore_simulator.daraja.refusals import bad_field
from marketcore_simulator.daraja.transactions import Transaction, TransactionBook
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Response, json_response

REACH = timedelta(hours=48)

_WRITTEN_AS = "%Y-%m-%d %H:%M:%S"


class PullDesk:
    """Register the shop for the service once, and list its payments by row offset."""

    def __init__(self, world: World, book: TransactionBook) -> None:
        self._world = world
        self._book = book
        self._registered = False

    def register(self, document: Mapping[str, object]) -> Response:
        """Answer the registration: ResponseStatus 1000, or 1001 when it was made before."""
        fields.one_of(document, "ShortCode", (credentials.SHORTCODE,))
        fields.one_of(document, "RequestType", ("Pull",))
        fields.matching(document, "NominatedNumber", fields.PHONE)
        fields.address(document, "CallBackURL")
        status, text = ("1001", "ShortCode already Registered") if self._registered else ("1000", "Successfully saved")
        self._registered = True
        return json_response(
            {
                "ResponseRefID": self._reference(),
                "ResponseStatus": status,
                "ShortCode": credentials.SHORTCODE,
                "ResponseDescription": text,
            }
        )

    def query(self, document: Mapping[str, object]) -> Response:
        """Answer with one page of payments from StartDate to EndDate (Nairobi time); 1001 means there are none."""
        fields.one_of(document, "ShortCode", (credentials.SHORTCODE,))
        since, until = _nairobi(document, "StartDate"), _nairobi(document, "EndDate")
        offset = _offset(document)
        page = self._payments(since, until)[offset : offset + self._world.settings.pull_page]
        if not page or not self._registered:
            return json_response(
                {"ResponseRefID": self._reference(), "ResponseCode": "1001", "ResponseMessage": "No transactions"}
            )
        return json_response(
            {
                "ResponseRefID": self._reference(),
                "ResponseCode": "1000",
                "ResponseMessage": "Success",
                "Response": [[_row(payment) for payment in page]],
            }
        )

    def clear(self) -> None:
        """Forget the registration."""
        self._registered = False

    def _payments(self, since: datetime, until: datetime) -> list[Transaction]:
        reach = self._world.clock.now() - REACH
        return [made for made in self._book.all() if made.incoming and max(since, reach) <= made.at <= until]

    def _reference(self) -> str:
        return f"{self._world.ids.digits('pull', 5)}-{self._world.ids.digits('pull', 8)}-1"


def _nairobi(document: Mapping[str, object], name: str) -> datetime:
    return fields.moment(document, name, _WRITTEN_AS).replace(tzinfo=NAIROBI)


def _offset(document: Mapping[str, object]) -> int:
    value = document.get("OffSetValue", "0")
    if not str(value).isdecimal():
        raise bad_field("OffSetValue")
    return int(str(value))


def _row(payment: Transaction) -> dict[str, object]:
    return {
        "transactionId": payment.receipt,
        "trxDate": f"{payment.at.astimezone(NAIROBI):%Y-%m-%dT%H:%M:%S+03:00}",
        "msisdn": int(payment.phone[3:]),
        "sender": "JANE DOE",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": payment.reference,
        "amount": f"{payment.amount}.00",
        "organizationname": "DEMO SHOP",
    }
