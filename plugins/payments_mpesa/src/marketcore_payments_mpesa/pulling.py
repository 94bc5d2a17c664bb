"""Ask Daraja's pull service what customers have paid: the way to a payment whose answers were all lost."""

from datetime import datetime, timedelta

from marketcore_payments_mpesa import orders
from marketcore_payments_mpesa.connection import Answer, Connection
from marketcore_payments_mpesa.errors import OutcomeUnknown, Rejected
from marketcore_payments_mpesa.pulled import PulledPayment, read_page

REGISTER_PATH = "/pulltransactions/v1/register"
PULL_PATH = "/pulltransactions/v1/query"
#: How far back the list goes.
REACH = timedelta(hours=48)

#: 1001 means "registered before" to a registration and "no (more) transactions" to a question.
_DONE, _NOTHING_NEW = "1000", "1001"
_MOST_PAGES = 1000


class PaymentList:
    """The payments made to one shortcode; safe to share between threads.

    The shortcode is registered before the first question: an organisation that is not is told that there is nothing.
    Registering again does no harm. `nominated_number` is the Safaricom number named for it; `callback_url` has to be
    given, nothing is awaited there.
    """

    def __init__(self, connection: Connection, shortcode: str, nominated_number: str, callback_url: str) -> None:
        self._connection = connection
        self._shortcode = shortcode
        self._registration = orders.pull_registration(shortcode, nominated_number, callback_url)
        self._registered = False

    def between(self, since: datetime, until: datetime) -> list[PulledPayment]:
        """Return what was paid between two aware moments of the last 48 hours, each payment once.

        Raise NotAttempted, Rejected or OutcomeUnknown, none of which says anything about any payment.
        """
        self._register()
        found: dict[str, PulledPayment] = {}
        offset = 0
        for _page in range(_MOST_PAGES):
            question = orders.pull(self._shortcode, since, until, offset=offset)
            page = self._page(self._connection.post(PULL_PATH, question))
            if not page:
                return list(found.values())
            offset += len(page)
            found.update((payment.receipt, payment) for payment in page)
        raise OutcomeUnknown("endless_list", f"the list of payments has more than {_MOST_PAGES} pages")

    def _register(self) -> None:
        if self._registered:
            return
        answer = self._connection.post(REGISTER_PATH, self._registration)
        if answer.is_error:
            raise self._connection.refusal(answer)
        status = answer.text("ResponseStatus")
        if status not in (_DONE, _NOTHING_NEW):
            clean = self._connection.clean
            raise Rejected(clean(status or "no_status"), clean(answer.text("ResponseDescription")))
        self._registered = True

    def _page(self, answer: Answer) -> list[PulledPayment]:
        if answer.is_error:
            raise self._connection.refusal(answer)
        code = answer.text("ResponseCode")
        if code == _NOTHING_NEW:
            return []
        if code != _DONE:
            raise OutcomeUnknown(self._connection.clean(code or "no_code"), "the list of payments cannot be had")
        try:
            return read_page(answer.document or {})
        except ValueError as error:
            raise OutcomeUnknown("incomplete_answer", f"the list of payments: {error}") from None
