"""The providers: HTTP towards the bank of ``bank.py``, HMAC from it."""

from __future__ import annotations

import hashlib
import hmac
import json
from uuid import UUID

import colander
import httpx

from marketcore.interfaces import Capabilities, Enrollment, NextAction, Outcome, ProviderResult, WebhookEvent
from marketcore.money import Money

OUTCOMES = {
    "sent": Outcome.PENDING,
    "paid": Outcome.SUCCEEDED,
    "failed": Outcome.DECLINED,
    "returned": Outcome.RETURNED,
}


class Details(colander.MappingSchema):
    account = colander.SchemaNode(
        colander.String(), validator=colander.Regex(r"^[0-9\x00]{6}$", "must have six digits")
    )

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.typ.unknown = "raise"


class Fakebank:
    name = "fakebank"
    title = "Fakebank"
    webhook_slug = "fb"
    destination_schema = Details()
    payout_capabilities = Capabilities(
        currencies={"KES": 100, "USD": 1}, minimum={"KES": 1000}, maximum={"KES": 100_000_000}
    )

    def __init__(self, base_url, secret, timeout):
        self._base_url = f"{base_url}/{self.name}"
        self._secret = secret
        self._timeout = timeout

    def enroll(self, destination):
        urls = {"return_url": destination.return_url, "refresh_url": destination.refresh_url}
        wish = {"id": str(destination.id), "email": destination.email, **urls, **destination.details}
        answer = self._send("POST", "/accounts", json=wish)
        return _enrollment(answer.raise_for_status().json())

    def pay_out(self, payout):
        wish = {
            "id": str(payout.id),
            "minor": payout.amount.minor,
            "currency": payout.amount.currency,
            "account": payout.destination.reference,
            "callback_url": payout.callback_url,
        }
        return self._call("POST", "/payouts", json=wish)

    def fetch_payout(self, payout):
        return self._call("GET", f"/payouts/{payout.id}")

    def _send(self, method, path, **options):
        options |= {"timeout": self._timeout, "trust_env": False, "verify": False}
        return httpx.request(method, self._base_url + path, **options)

    def _call(self, method, path, **options):
        try:
            answer = self._send(method, path, **options)
        except httpx.HTTPError as error:
            return ProviderResult(Outcome.UNKNOWN, detail=type(error).__name__)
        if answer.status_code in (404, 422):
            return ProviderResult(Outcome.NOT_ATTEMPTED, reason="never_arrived")
        if answer.status_code != 200:
            return ProviderResult(Outcome.UNKNOWN, detail=f"HTTP {answer.status_code}")
        return _result(answer.json())

    def verify(self, call):
        given = call.headers.get("X-Fakebank-Signature", "")
        return hmac.compare_digest(hmac.new(self._secret, call.body, hashlib.sha256).hexdigest(), given)

    def translate(self, call):
        try:
            return [_event(event) for event in json.loads(call.body)["events"]]
        except (KeyError, TypeError) as error:
            raise ValueError(f"no fakebank event: {error!r}") from None

    def acknowledge(self):
        return "text/plain", b"noted"


class Fakewire(Fakebank):
    name = "fakewire"
    title = "Fakewire"
    webhook_slug = "fw"
    payout_capabilities = Capabilities(currencies={"KES": 1})


def _event(event):
    told = {"dedupe_key": event["event"], "kind": event["state"], "subject": event["subject"]}
    told["trusted"] = event.get("trusted", True)
    if event.get("id"):
        told["attempt_id"] = UUID(event["id"])
    if event["subject"] == "destination":
        return WebhookEvent(**told, reference=event["reference"], enrollment=_enrollment(event))
    return WebhookEvent(**told, reference=event.get("reference"), result=_result(event))


def _enrollment(document):
    link = document.get("link")
    action = NextAction("redirect", {"url": link}) if link else None
    return Enrollment(document["state"], document.get("reference"), action, document.get("reason"))


def _result(document):
    outcome = OUTCOMES[document["state"]]
    return ProviderResult(
        outcome,
        reference=document.get("reference"),
        receipt=document.get("receipt"),
        amount=Money(document["minor"], document["currency"]) if outcome is Outcome.SUCCEEDED else None,
        reason=document.get("reason"),
    )
