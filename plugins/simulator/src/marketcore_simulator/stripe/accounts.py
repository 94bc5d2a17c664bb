"""Connected accounts: one record each, shown as a v1 and as a v2 account."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from marketcore_simulator.stripe.accepted import ACCOUNT
from marketcore_simulator.stripe.errors import StripeError, missing
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.notices import moment
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.store import Document

_CAPABILITY = "configuration.recipient"
_NEEDED_AT_FIRST = ("external_account", "individual.first_name", "individual.last_name", "tos_acceptance.date")
_NEEDED_STILL = ("individual.verification.document",)
_CURRENCIES = {"GB": "gbp", "KE": "kes", "IN": "inr", "US": "usd", "CA": "cad", "CH": "chf", "JP": "jpy", "UG": "ugx"}

#: What each state means: capability status, whether details were submitted, what is due, why it is disabled.
STATES: Mapping[str, tuple[str, bool, tuple[str, ...], str | None]] = {
    "new": ("inactive", False, _NEEDED_AT_FIRST, "requirements.past_due"),
    "pending": ("pending", True, (), "requirements.pending_verification"),
    "active": ("active", True, (), None),
    "restricted": ("inactive", True, _NEEDED_STILL, "requirements.past_due"),
}

#: The v2 capability status of each state, with the code and the resolution of its detail.
_V2 = {
    "new": ("restricted", "requirements_past_due", "provide_info"),
    "pending": ("pending", "requirements_pending_verification", "no_resolution"),
    "active": ("active", None, None),
    "restricted": ("restricted", "requirements_past_due", "provide_info"),
}


class AccountDesk:
    """Open connected accounts and move them between the states of onboarding."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def create_v1(self, params: Params) -> Document:
        """Open an account by the v1 API; the simulator knows type=express."""
        params.only(ACCOUNT)
        if params.choice("type", ("custom", "express", "standard"), "standard") != "express":
            raise StripeError("type must be express: the simulator opens no other.", None, "type")
        capabilities = params.group("capabilities")
        asked = [name for name in ("card_payments", "transfers") if capabilities.group(name).flag("requested")]
        account = self._open(
            country=(params.text("country") or "US").upper(),
            email=params.text("email"),
            metadata=params.metadata(),
            capabilities=asked or ["card_payments", "transfers"],
        )
        account["business_type"] = params.text("business_type")
        return account

    def create_v2(self, params: Params) -> Document:
        """Open an account by the v2 API, as a recipient of transfers."""
        recipient = params.group("configuration").group("recipient")
        transfers = recipient.group("capabilities").group("stripe_balance").group("stripe_transfers")
        if "contact_email" not in params:
            raise missing("contact_email")
        identity = params.group("identity")
        country = identity.required_text("country")
        account = self._open(
            country=country.upper(),
            email=params.required_text("contact_email"),
            metadata=params.metadata(),
            capabilities=["transfers"] if transfers.flag("requested") else [],
        )
        account["_v2"] = {
            "dashboard": params.choice("dashboard", ("express", "full", "none"), "express"),
            "display_name": params.text("display_name"),
            "defaults": params.raw("defaults"),
            "applied": ["recipient"] if params.group("configuration").raw("recipient") is not None else [],
        }
        self._gateway.emit_thin("v2.core.account.created", account["id"], {})
        return account

    def update_v1(self, account: Document, params: Params) -> Document:
        """Change the email, the metadata or the capabilities asked for."""
        params.only(ACCOUNT)
        account["email"] = params.text("email", account["email"])
        account["metadata"] = {**account["metadata"], **params.metadata()}
        for name in ("card_payments", "transfers"):
            if params.group("capabilities").group(name).flag("requested"):
                account["capabilities"].setdefault(name, STATES[account["_state"]][0])
        self._gateway.emit("account.updated", account, account["id"])
        return account

    def move(self, account: Document, state: str) -> None:
        """Put an account into a state of `STATES` and tell of it in both APIs."""
        if state not in STATES:
            raise ValueError(f"{state!r} is not one of {', '.join(STATES)}")
        before = {name: account[name] for name in ("charges_enabled", "payouts_enabled", "details_submitted")}
        was = account["_state"]
        _put(account, state)
        changed = {name: value for name, value in before.items() if account[name] != value}
        self._gateway.emit("account.updated", account, account["id"], previous=changed)
        for name in account["capabilities"]:
            self._gateway.emit("capability.updated", self._capability(account, name), account["id"], about=account)
        self._tell_v2(account, was)

    def _tell_v2(self, account: Document, was: str) -> None:
        data = {"updated_capability": "stripe_balance.stripe_transfers"}
        changes = {"before": _transfers_status(was), "after": _transfers_status(account["_state"])}
        gateway, account_id = self._gateway, account["id"]
        gateway.emit_thin(f"v2.core.account[{_CAPABILITY}].capability_status_updated", account_id, data, changes)
        gateway.emit_thin("v2.core.account[requirements].updated", account_id, {})

    def _capability(self, account: Document, name: str) -> Document:
        status = account["capabilities"][name]
        return {
            "id": name,
            "object": "capability",
            "account": account["id"],
            "requested": True,
            "requested_at": account["created"],
            "requirements": account["requirements"],
            "status": status,
        }

    def _open(self, country: str, email: str | None, metadata: dict[str, str], capabilities: list[str]) -> Document:
        account: Document = {
            "id": self._gateway.new_id("acct", 16),
            "object": "account",
            "business_profile": {"mcc": None, "name": None, "product_description": None, "url": None},
            "business_type": None,
            "capabilities": dict.fromkeys(capabilities, "inactive"),
            "controller": {"type": "application", "is_controller": True, "stripe_dashboard": {"type": "express"}},
            "country": country,
            "created": self._gateway.now(),
            "default_currency": _CURRENCIES.get(country, "eur"),
            "email": email,
            "external_accounts": {
                "object": "list",
                "data": [],
                "has_more": False,
                "total_count": 0,
                "url": "/v1/accounts",
            },
            "metadata": metadata,
            "settings": {"payouts": {"debit_negative_balances": True, "schedule": {"interval": "manual"}}},
            "tos_acceptance": {"date": None},
            "type": "express",
            "_v2": {"dashboard": "express", "display_name": None, "defaults": None, "applied": ["recipient"]},
        }
        _put(account, "new")
        self._gateway.store.add(account)
        self._gateway.follow(account)
        return account


def v2_account(account: Document, include: Collection[str] = ()) -> Document:
    """Return an account as v2 shows it; parts not named in `include` are null."""
    own = account["_v2"]
    parts: dict[str, Any] = {
        "configuration.recipient": {"applied": True, "capabilities": _v2_capabilities(account)},
        "defaults": own["defaults"],
        "identity": {"country": account["country"].lower(), "entity_type": account["business_type"]},
        "requirements": _v2_requirements(account),
    }
    shown = {name: value for name, value in parts.items() if name in include}
    recipient = shown.get("configuration.recipient")
    configuration = {"customer": None, "merchant": None, "recipient": recipient}
    return {
        "id": account["id"],
        "object": "v2.core.account",
        "applied_configurations": own["applied"],
        "closed": False,
        "configuration": configuration if recipient else None,
        "contact_email": account["email"],
        "contact_phone": None,
        "created": moment(datetime.fromtimestamp(account["created"], UTC)),
        "dashboard": own["dashboard"],
        "defaults": shown.get("defaults"),
        "display_name": own["display_name"],
        "future_requirements": None,
        "identity": shown.get("identity"),
        "livemode": False,
        "metadata": account["metadata"],
        "requirements": shown.get("requirements"),
    }


def _v2_capabilities(account: Document) -> Document:
    if "transfers" not in account["capabilities"]:
        return {"stripe_balance": None}
    return {"stripe_balance": {"stripe_transfers": _transfers_status(account["_state"])}}


def _transfers_status(state: str) -> Document:
    status, code, resolution = _V2[state]
    return {"status": status, "status_details": [{"code": code, "resolution": resolution}] if code else []}


def _v2_requirements(account: Document) -> Document:
    due = account["requirements"]["currently_due"]
    entries = [
        {
            "awaiting_action_from": "user",
            "description": name,
            "errors": [],
            "minimum_deadline": {"status": "currently_due"},
        }
        for name in due
    ]
    return {"entries": entries, "summary": {"minimum_deadline": {"status": "currently_due"}} if due else None}


def _put(account: Document, state: str) -> None:
    status, submitted, due, reason = STATES[state]
    account["_state"] = state
    account["capabilities"] = dict.fromkeys(account["capabilities"], status)
    account["charges_enabled"] = state == "active" and "card_payments" in account["capabilities"]
    account["payouts_enabled"] = state == "active"
    account["details_submitted"] = submitted
    account["requirements"] = {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": reason,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due),
        "pending_verification": list(_NEEDED_STILL) if state == "pending" else [],
    }
