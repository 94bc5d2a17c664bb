"""The provider: HTTP towards the gateway of ``gateway.py``, HMAC from it. Its refunds are a setting."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from uuid import UUID

import colander
import httpx

from marketcore.interfaces import (
    Capabilities,
    DisputeReport,
    NextAction,
    Outcome,
    ProviderResult,
    StatementLine,
    WebhookEvent,
)
from marketcore.money import Money

OUTCOMES = {
    "pending": Outcome.PENDING,
    "authorized": Outcome.AUTHORIZED,
    "captured": Outcome.SUCCEEDED,
    "refunded": Outcome.SUCCEEDED,
    "returned": Outcome.RETURNED,
    "failed": Outcome.DECLINED,
    "expired": Outcome.EXPIRED,
}


class Payer(colander.MappingSchema):
    phone = colander.SchemaNode(
        colander.String(), missing=colander.drop, validator=colander.Regex(r"^\d{10}$", "must have ten digits")
    )

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.typ.unknown = "raise"


class Fakepay:
    name = "fakepay"
    title = "Fakepay"
    webhook_slug = "fp"
    payer_schema = Payer()

    def __init__(self, base_url, secret, features):
        self._base_url = base_url
        self._secret = secret
        self.capabilities = Capabilities(
            currencies=dict.fromkeys(("KES", "USD", "JPY", "KWD"), 1),
            maximum={"KES": 100_000_000},
            features=frozenset(features.split()),
        )

    def start(self, attempt):
        wish = {
            "id": str(attempt.id),
            "code": attempt.code,
            "minor": attempt.amount.minor,
            "currency": attempt.amount.currency,
            "callback_url": attempt.callback_url,
        }
        return self._call("POST", "/payments", json=wish)

    def fetch(self, attempt):
        return self._call("GET", f"/payments/{attempt.id}")

    def capture(self, attempt, amount):
        return self._call("POST", "/captures", json={"id": str(attempt.id), "minor": amount.minor})

    def refund(self, refund):
        wish = {
            "id": str(refund.id),
            "payment": str(refund.payment.id),
            "minor": refund.amount.minor,
            "currency": refund.amount.currency,
            "callback_url": refund.callback_url,
        }
        return self._call("POST", "/refunds", json=wish)

    def fetch_refund(self, refund):
        return self._call("GET", f"/refunds/{refund.id}")

    def statement(self, since, until):
        asked = {"since": since.isoformat(), "until": until.isoformat()}
        answer = httpx.get(f"{self._base_url}/statements", params=asked, timeout=2, trust_env=False, verify=False)
        answer.raise_for_status()
        return [_line(line) for line in answer.json()]

    def _call(self, method, path, **options):
        try:
            answer = httpx.request(method, self._base_url + path, timeout=2, trust_env=False, verify=False, **options)
        except httpx.HTTPError as error:
            return ProviderResult(Outcome.UNKNOWN, detail=type(error).__name__)
        if answer.status_code == 404:
            return ProviderResult(Outcome.NOT_ATTEMPTED, reason="never_arrived")
        if answer.status_code != 200:
            return ProviderResult(Outcome.UNKNOWN, detail=f"HTTP {answer.status_code}")
        return result_of(answer.json())

    def verify(self, call):
        given = call.headers.get("X-Fakepay-Signature", "")
        return hmac.compare_digest(hmac.new(self._secret, call.body, hashlib.sha256).hexdigest(), given)

    def translate(self, call):
        try:
            events = json.loads(call.body)["events"]
            return [_event(event) for event in events]
        except (KeyError, TypeError) as error:
            raise ValueError(f"no fakepay event: {error!r}") from None

    def acknowledge(self):
        return "text/plain", b"thanks"


def _event(event):
    if event.get("subject") == "dispute":
        return _dispute(event)
    return WebhookEvent(
        dedupe_key=event["event"],
        kind=event["state"],
        attempt_id=UUID(event["id"]),
        trusted=True,
        result=result_of(event),
        subject=event.get("subject", "payment"),
    )


def _dispute(event):
    report = DisputeReport(
        reference=event["dispute"],
        state=event["state"],
        amount=Money(event["minor"], event["currency"]),
        payment_id=UUID(event["id"]) if "id" in event else None,
        payment_reference=event.get("reference"),
        payment_receipt=event.get("receipt"),
        reason=event.get("reason", ""),
    )
    return WebhookEvent(
        event["event"], event["state"], trusted=event.get("trusted", True), subject="dispute", dispute=report
    )


def _line(line):
    return StatementLine(
        line["kind"],
        Money(line["minor"], line["currency"]),
        datetime.fromisoformat(line["at"]),
        reference=line.get("reference"),
        receipt=line.get("receipt"),
        operation_id=UUID(line["id"]) if "id" in line else None,
        fee=Money(line["fee"], line["currency"]) if "fee" in line else None,
    )


def result_of(document):
    outcome = OUTCOMES[document["state"]]
    return ProviderResult(
        outcome,
        reference=document.get("reference"),
        receipt=document.get("receipt"),
        amount=Money(document["minor"], document["currency"]) if outcome is Outcome.SUCCEEDED else None,
        next_action=NextAction("phone_prompt") if outcome is Outcome.PENDING else None,
        reason="declined" if outcome is Outcome.DECLINED else None,
    )
