"""The calls of the API: read the request, let a desk do it, show the result."""

from collections.abc import Callable

from marketcore_simulator.razorpay import fields
from marketcore_simulator.razorpay.errors import Refusal, no_such_id
from marketcore_simulator.razorpay.gateway import collection, listed, one
from marketcore_simulator.razorpay.merchant import Merchant
from marketcore_simulator.scripts import Script
from marketcore_simulator.wsgi import Request, Response, json_response

Call = Callable[..., Response]
AddCall = Callable[[str, str, str, Call], None]


class Calls:
    """Every call, grouped by the operation a script is chosen for."""

    OPERATIONS = (
        "orders",
        "payments",
        "capture",
        "refund",
        "refunds",
        "transfers",
        "transfers_direct",
        "reversals",
        "accounts",
        "contacts",
        "fund_accounts",
        "payouts",
        "payouts_read",
        "settlements",
    )

    def __init__(self, merchant: Merchant) -> None:
        self._merchant = merchant

    def add_routes(self, add: AddCall) -> None:
        """Add each call as add(method, path, operation, call)."""
        self._add_payments(add)
        self._add_refunds(add)
        self._add_route(add)
        self._add_accounts(add)
        self._add_payouts(add)
        settlements = self._merchant.settlements
        add("GET", "/v1/settlements/recon/combined", "settlements", lambda r, _s: settlements.recon(r.query))
        add("GET", "/v1/settlements", "settlements", lambda r, _s: listed(settlements.book.all(), r.query))
        add("GET", "/v1/settlements/{made}", "settlements", lambda _r, _s, made: one(settlements.book.get(made)))

    def _add_payments(self, add: AddCall) -> None:
        orders, payments = self._merchant.orders, self._merchant.payments
        add("POST", "/v1/orders", "orders", lambda r, _s: one(self._merchant.create_order(_document(r))))
        add("GET", "/v1/orders", "orders", lambda r, _s: orders.list(r))
        add("GET", "/v1/orders/{order_id}", "orders", lambda r, _s, order_id: orders.show(r, order_id))
        add("GET", "/v1/orders/{order_id}/payments", "payments", self._order_payments)
        add("GET", "/v1/payments", "payments", lambda r, _s: listed(payments.book.all(), r.query))
        add("GET", "/v1/payments/{payment}", "payments", lambda _r, _s, payment: one(payments.book.get(payment)))
        add("POST", "/v1/payments/{payment_id}/capture", "capture", self._capture)

    def _add_refunds(self, add: AddCall) -> None:
        refunds = self._merchant.refunds
        add("POST", "/v1/payments/{payment_id}/refund", "refund", self._refund)
        add("GET", "/v1/payments/{payment_id}/refunds", "refunds", self._payment_refunds)
        add("GET", "/v1/payments/{payment_id}/refunds/{refund_id}", "refunds", self._payment_refund)
        add("GET", "/v1/refunds", "refunds", lambda r, _s: listed(refunds.book.all(), r.query))
        add("GET", "/v1/refunds/{refund}", "refunds", lambda _r, _s, refund: one(refunds.book.get(refund)))

    def _add_route(self, add: AddCall) -> None:
        transfers = self._merchant.transfers
        add("POST", "/v1/payments/{payment_id}/transfers", "transfers", self._transfer)
        add("GET", "/v1/payments/{payment_id}/transfers", "transfers", self._payment_transfers)
        add("POST", "/v1/transfers", "transfers_direct", self._transfer_directly)
        add("GET", "/v1/transfers", "transfers", lambda r, _s: listed(transfers.book.all(), r.query))
        add("GET", "/v1/transfers/{made}", "transfers", lambda _r, _s, made: one(transfers.book.get(made)))
        add("PATCH", "/v1/transfers/{transfer_id}", "transfers", self._hold)
        add("POST", "/v1/transfers/{transfer_id}/reversals", "reversals", self._reverse)
        add("GET", "/v1/transfers/{transfer_id}/reversals", "reversals", self._reversals)

    def _add_accounts(self, add: AddCall) -> None:
        accounts = self._merchant.accounts
        add("POST", "/v2/accounts", "accounts", lambda r, _s: one(accounts.create(_document(r))))
        add("GET", "/v2/accounts/{account}", "accounts", lambda _r, _s, account: one(accounts.book.get(account)))
        add("POST", "/v2/accounts/{account_id}/stakeholders", "accounts", self._add_stakeholder)
        add("POST", "/v2/accounts/{account_id}/products", "accounts", self._request_product)
        add("PATCH", "/v2/accounts/{account_id}/products/{product_id}", "accounts", self._configure_product)
        add("GET", "/v2/accounts/{account_id}/products/{product_id}", "accounts", self._show_product)

    def _add_payouts(self, add: AddCall) -> None:
        payees, payouts = self._merchant.payees, self._merchant.payouts
        add("POST", "/v1/contacts", "contacts", lambda r, _s: one(payees.create_contact(_document(r))))
        add("GET", "/v1/contacts", "contacts", lambda r, _s: listed(payees.known_contacts(r.query), r.query))
        add("GET", "/v1/contacts/{contact}", "contacts", lambda _r, _s, contact: one(payees.contacts.get(contact)))
        add("POST", "/v1/fund_accounts", "fund_accounts", lambda r, _s: one(payees.create_fund_account(_document(r))))
        add("GET", "/v1/fund_accounts", "fund_accounts", lambda r, _s: listed(payees.known_accounts(r.query), r.query))
        add("GET", "/v1/fund_accounts/{a}", "fund_accounts", lambda _r, _s, a: one(payees.fund_accounts.get(a)))
        add("POST", "/v1/payouts", "payouts", lambda r, s: one(payouts.create(_document(r), s)))
        add("GET", "/v1/payouts", "payouts_read", self._list_payouts)
        add("GET", "/v1/payouts/{payout}", "payouts_read", lambda _r, _s, payout: one(payouts.book.get(payout)))
        add("POST", "/v1/payouts/{payout_id}/cancel", "payouts_read", self._cancel_payout)

    def _order_payments(self, request: Request, script: Script | None, order_id: str) -> Response:
        return collection(self._merchant.payments.of_order(self._merchant.orders.book.get(order_id)))

    def _capture(self, request: Request, script: Script | None, payment_id: str) -> Response:
        payment, document = self._merchant.payments.book.get(payment_id), _document(request)
        amount = fields.integer(document, "amount", 1)
        self._merchant.payments.capture(payment, amount, fields.one_of(document, "currency", ("INR",), "INR"))
        return one(payment)

    def _refund(self, request: Request, script: Script | None, payment_id: str) -> Response:
        payment = self._merchant.payments.book.get(payment_id)
        course = self._merchant.gateway.course(script)
        return one(self._merchant.refund(payment, _document(request), course))

    def _payment_refunds(self, request: Request, script: Script | None, payment_id: str) -> Response:
        payment = self._merchant.payments.book.get(payment_id)
        return listed(self._merchant.refunds.of_payment(payment), request.query)

    def _payment_refund(self, request: Request, script: Script | None, payment_id: str, refund_id: str) -> Response:
        refund = self._merchant.refunds.book.get(refund_id)
        if refund.payment_id != payment_id:
            raise no_such_id()
        return one(refund)

    def _transfer(self, request: Request, script: Script | None, payment_id: str) -> Response:
        payment = self._merchant.payments.book.get(payment_id)
        course = self._merchant.gateway.course(script)
        return collection(self._merchant.transfers.from_payment(payment, _document(request), course))

    def _payment_transfers(self, request: Request, script: Script | None, payment_id: str) -> Response:
        return collection(self._merchant.transfers.of_source(self._merchant.payments.book.get(payment_id).id))

    def _transfer_directly(self, request: Request, script: Script | None) -> Response:
        course = self._merchant.gateway.course(script)
        return one(self._merchant.transfers.direct(_document(request), course))

    def _hold(self, request: Request, script: Script | None, transfer_id: str) -> Response:
        transfers = self._merchant.transfers
        return one(transfers.hold(transfers.book.get(transfer_id), _document(request)))

    def _reverse(self, request: Request, script: Script | None, transfer_id: str) -> Response:
        document, transfers = _document(request), self._merchant.transfers
        amount = fields.integer(document, "amount", 1) if document.get("amount") is not None else None
        return one(transfers.reverse(transfers.book.get(transfer_id), amount))

    def _reversals(self, request: Request, script: Script | None, transfer_id: str) -> Response:
        made = self._merchant.transfers.book.get(transfer_id)
        return collection(self._merchant.transfers.reversals.where(lambda back: back.transfer_id == made.id))

    def _add_stakeholder(self, request: Request, script: Script | None, account_id: str) -> Response:
        accounts = self._merchant.accounts
        return json_response(accounts.add_stakeholder(accounts.book.get(account_id), _document(request)))

    def _request_product(self, request: Request, script: Script | None, account_id: str) -> Response:
        accounts = self._merchant.accounts
        return json_response(accounts.request_product(accounts.book.get(account_id), _document(request)))

    def _configure_product(self, request: Request, script: Script | None, account_id: str, product_id: str) -> Response:
        account = self._merchant.accounts.with_product(account_id, product_id)
        course = self._merchant.gateway.course(script)
        return json_response(self._merchant.accounts.configure_product(account, _document(request), course))

    def _show_product(self, request: Request, script: Script | None, account_id: str, product_id: str) -> Response:
        return json_response(self._merchant.accounts.with_product(account_id, product_id).product())

    def _list_payouts(self, request: Request, script: Script | None) -> Response:
        wanted = request.query.get("reference_id")
        if not request.query.get("account_number"):
            raise Refusal("The account number field is required.", "account_number")
        payouts = self._merchant.payouts.book.where(lambda payout: wanted in {None, payout.reference_id})
        return listed(payouts, request.query)

    def _cancel_payout(self, request: Request, script: Script | None, payout_id: str) -> Response:
        payout = self._merchant.payouts.book.get(payout_id)
        self._merchant.payouts.cancel(payout)
        return one(payout)


def _document(request: Request) -> fields.Document:
    try:
        return request.document()
    except ValueError:
        raise Refusal("Please provide a JSON object in the body of the request") from None
