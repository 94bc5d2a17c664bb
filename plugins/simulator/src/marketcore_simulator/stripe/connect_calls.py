"""The API's calls about passing money on: accounts, links, transfers, payouts, balance, events."""

from marketcore_simulator.stripe.accounts import v2_account
from marketcore_simulator.stripe.calls import Call
from marketcore_simulator.stripe.desks import Desks
from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.stripe.links import AccountLink
from marketcore_simulator.stripe.notices import fetched, moment
from marketcore_simulator.stripe.reading import Reading, Route
from marketcore_simulator.stripe.store import Document, page

_V2_ACCOUNT = (
    "account_token configuration contact_email contact_phone dashboard defaults display_name identity include metadata"
).split()


class ConnectCalls:
    """Answer the calls of the Connect and balance resources."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._store = desks.gateway.store
        self._reading = Reading(desks.gateway)

    def routes(self) -> list[Route]:
        """Return the calls and the operations they are scripted by."""
        return [*self._money_routes(), *self._account_routes(), *self._event_routes()]

    def _money_routes(self) -> list[Route]:
        read, movements = self._reading, ("type", "currency", "source", "payout")
        return [
            ("POST", "/v1/transfers", "transfers.create", self._create_transfer),
            ("GET", "/v1/transfers", "transfers.list", read.many("transfer", "destination", "transfer_group")),
            ("GET", "/v1/transfers/{id}", "transfers.retrieve", read.one("transfer", "transfer")),
            ("POST", "/v1/transfers/{id}/reversals", "reversals.create", self._reverse_transfer),
            ("GET", "/v1/transfers/{id}/reversals", "reversals.list", self._reversals),
            ("GET", "/v1/transfers/{transfer}/reversals/{id}", "reversals.retrieve", self._reversal),
            ("GET", "/v1/application_fees", "application_fees.list", read.many("application_fee", "charge")),
            ("GET", "/v1/application_fees/{id}", "application_fees.retrieve", read.one("application_fee", "id")),
            ("POST", "/v1/payouts", "payouts.create", self._create_payout),
            ("GET", "/v1/payouts", "payouts.list", read.many("payout", "status", "destination")),
            ("GET", "/v1/payouts/{id}", "payouts.retrieve", read.one("payout", "payout")),
            ("POST", "/v1/payouts/{id}/cancel", "payouts.cancel", self._cancel_payout),
            ("GET", "/v1/balance", "balance.retrieve", self._balance),
            (
                "GET",
                "/v1/balance_transactions",
                "balance_transactions.list",
                read.many("balance_transaction", *movements),
            ),
            (
                "GET",
                "/v1/balance_transactions/{id}",
                "balance_transactions.retrieve",
                read.one("balance_transaction", "id"),
            ),
        ]

    def _account_routes(self) -> list[Route]:
        return [
            ("POST", "/v1/accounts", "accounts.create", self._create_account),
            ("GET", "/v1/accounts", "accounts.list", self._reading.many("account")),
            ("GET", "/v1/accounts/{id}", "accounts.retrieve", self._account),
            ("POST", "/v1/accounts/{id}", "accounts.update", self._update_account),
            ("POST", "/v1/account_links", "account_links.create", self._create_link),
            ("POST", "/v2/core/accounts", "accounts.create", self._create_v2_account),
            ("GET", "/v2/core/accounts/{id}", "accounts.retrieve", self._v2_account),
            ("POST", "/v2/core/account_links", "account_links.create", self._create_v2_link),
        ]

    def _event_routes(self) -> list[Route]:
        return [
            ("GET", "/v1/events", "events.list", self._reading.many("event", "type")),
            ("GET", "/v1/events/{id}", "events.retrieve", self._reading.one("event", "id")),
            ("GET", "/v2/core/events", "events.list", self._v2_events),
            ("GET", "/v2/core/events/{id}", "events.retrieve", self._v2_event),
        ]

    def _create_transfer(self, call: Call) -> Document:
        return self._desks.transfers.create(call.params)

    def _reverse_transfer(self, call: Call, id: str) -> Document:
        transfer = self._store.get("transfer", id, call.account, "id")
        return self._desks.transfers.reverse(transfer, call.params)

    def _reversals(self, call: Call, id: str) -> Document:
        transfer = self._store.get("transfer", id, call.account, "id")
        return page(self._store.select("transfer_reversal", None, transfer=transfer["id"]), call.params, call.path)

    def _reversal(self, call: Call, transfer: str, id: str) -> Document:
        self._store.get("transfer", transfer, call.account, "transfer")
        return self._store.get("transfer_reversal", id, call.account, "id")

    def _create_payout(self, call: Call) -> Document:
        return self._desks.payouts.create(call.params, call.account)

    def _cancel_payout(self, call: Call, id: str) -> Document:
        payout = self._store.get("payout", id, call.account, "payout")
        self._desks.payouts.cancel(payout)
        return payout

    def _balance(self, call: Call) -> Document:
        return self._desks.gateway.ledger.balance(call.account)

    def _create_account(self, call: Call) -> Document:
        return self._desks.accounts.create_v1(call.params)

    def _account(self, call: Call, id: str) -> Document:
        return self._store.get("account", id, None, "account")

    def _update_account(self, call: Call, id: str) -> Document:
        return self._desks.accounts.update_v1(self._account(call, id), call.params)

    def _create_link(self, call: Call) -> Document:
        params = call.params
        params.only("account type refresh_url return_url collect collection_options".split())
        account = self._store.get("account", params.required_text("account"), None, "account", 400)
        link = self._desks.links.create(account, params.required_text("type"), params)
        return {
            "object": "account_link",
            "created": int(link.created.timestamp()),
            "expires_at": int(link.expires_at.timestamp()),
            "url": _address(call, link),
        }

    def _create_v2_account(self, call: Call) -> Document:
        call.params.only(_V2_ACCOUNT)
        account = self._desks.accounts.create_v2(call.params)
        return v2_account(account, _include(call))

    def _v2_account(self, call: Call, id: str) -> Document:
        call.params.only(("include",))
        return v2_account(self._store.get("account", id, None, None), _include(call))

    def _create_v2_link(self, call: Call) -> Document:
        params = call.params
        params.only(("account", "use_case"))
        account = self._store.get("account", params.required_text("account"), None, None)
        use_case = params.group("use_case")
        kind = use_case.required_text("type")
        urls = use_case.group(kind)
        if not urls.array("configurations"):
            raise StripeError(f"{urls.name('configurations')} is required.", "parameter_missing")
        link = self._desks.links.create(account, kind, urls)
        return {
            "object": "v2.core.account_link",
            "account": account["id"],
            "created": moment(link.created),
            "expires_at": moment(link.expires_at),
            "livemode": False,
            "url": _address(call, link),
            "use_case": params.raw("use_case"),
        }

    def _v2_events(self, call: Call) -> Document:
        call.params.only(("object_id", "limit"))
        wanted = call.params.text("object_id")
        events = self._store.select("v2.core.event")
        shown = [event for event in events if wanted in {None, event["related_object"]["id"]}]
        limit = call.params.integer("limit") or 20
        return {"data": [fetched(event) for event in shown[:limit]], "next_page_url": None, "previous_page_url": None}

    def _v2_event(self, call: Call, id: str) -> Document:
        return fetched(self._store.get("v2.core.event", id, None, None))


def _include(call: Call) -> list[str]:
    return [name for name in call.params.array("include") if isinstance(name, str)]


def _address(call: Call, link: AccountLink) -> str:
    return f"{call.base_url}/onboarding/{link.token}"
