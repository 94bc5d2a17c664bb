"""``payments_mpesa.*``: the account at Safaricom."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import colander

from marketcore.exceptions import ConfigurationError
from marketcore_payments_mpesa.client import PRODUCTION_URL, SANDBOX_URL, TRANSACTION_TYPES
from marketcore_payments_mpesa.numbers import normalise_msisdn

_C2B_SECRET = re.compile(r"[0-9a-f]{32,64}")


def text(missing: Any = "", **options: Any) -> colander.SchemaNode:
    """Return a setting that is a text."""
    return colander.SchemaNode(colander.String(), missing=missing, **options)


def switch(description: str) -> colander.SchemaNode:
    """Return a setting that is off unless it says ``true``."""
    return colander.SchemaNode(colander.Boolean(), missing=False, description=description)


class MpesaSettings(colander.MappingSchema):
    """Daraja credentials; secrets are best given as ``env:NAME``.

    With an ``initiator`` people can be paid out and payments be refunded.
    """

    base_url = text(PRODUCTION_URL)
    consumer_key = text(colander.required, description="from the Daraja app")
    consumer_secret = text(colander.required, description="from the Daraja app")
    shortcode = text(colander.required, description="paybill, or the store number of a till")
    passkey = text(colander.required, description="of M-Pesa Express")
    transaction_type = text(TRANSACTION_TYPES[0], validator=colander.OneOf(TRANSACTION_TYPES))
    till = text(description="till number for CustomerBuyGoodsOnline")
    maximum_kes = colander.SchemaNode(
        colander.Integer(), missing=250_000, validator=colander.Range(1), description="per transaction"
    )
    description = text("Order", validator=colander.Length(1, 13))
    read_timeout = colander.SchemaNode(
        colander.Integer(), missing=20, validator=colander.Range(1, 60), description="seconds an answer may take"
    )
    initiator = text(description="name of the API operator who pays out, refunds and asks for a transaction's status")
    security_credential = text(description="the initiator's, made in the Daraja portal")
    initiator_password = text(description="instead of security_credential, with certificate")
    certificate = text(description="file of the portal's certificate, to encrypt initiator_password")
    payout_shortcode = text(description="where payouts are made from, if not from shortcode")
    pull = switch("whether Safaricom has enabled the pull service for the shortcode")
    pull_number = text(description="the Safaricom number nominated for the pull service")
    c2b = switch("whether to take paybill payments that name an attempt's code; needs pull")
    c2b_secret = text(description="32 to 64 hexadecimal digits in the address of paybill confirmations")

    def validator(self, node: colander.SchemaNode, given: Mapping[str, Any]) -> None:
        """Refuse what is given in part, naming what is missing."""
        faults = dict(_faults(given))
        if faults:
            invalid = colander.Invalid(node)
            for name, why in faults.items():
                invalid[name] = why
            raise invalid


def check_host(base_url: str, environment: str) -> None:
    """Keep play money out of production and real money out of development."""
    host = urlsplit(base_url).hostname
    forbidden = {"production": SANDBOX_URL, "development": PRODUCTION_URL}[environment]
    if host == urlsplit(forbidden).hostname:
        raise ConfigurationError(
            f"payments_mpesa.base_url = {base_url} cannot be used with marketcore.environment = {environment}: "
            "the sandbox moves no money and the production host moves real money; change one of the two"
        )


def _faults(given: Mapping[str, Any]) -> Any:
    """Yield the name of each setting that does not fit the others, and why."""
    yield from _initiator_faults(given)
    if given["pull"] and not given["pull_number"]:
        yield "pull_number", "Required by payments_mpesa.pull"
    if given["pull_number"] and not _is_phone(given["pull_number"]):
        yield "pull_number", "not a Safaricom number such as 2547XXXXXXXX"
    if given["c2b"] and not given["pull"]:
        yield "pull", "has to be true for payments_mpesa.c2b: it alone tells whether a confirmation is true"
    if given["c2b"] and not given["c2b_secret"]:
        yield "c2b_secret", "Required by payments_mpesa.c2b"
    if given["c2b_secret"] and not _C2B_SECRET.fullmatch(given["c2b_secret"]):
        yield "c2b_secret", "not 32 to 64 hexadecimal digits in lower case"


def _initiator_faults(given: Mapping[str, Any]) -> Any:
    password, certificate = given["initiator_password"], given["certificate"]
    parts = [
        name for name in ("security_credential", "initiator_password", "certificate", "payout_shortcode") if given[name]
    ]
    if parts and not given["initiator"]:
        yield "initiator", f"Required by payments_mpesa.{parts[0]}"
    if given["initiator"] and not (given["security_credential"] or password):
        yield "security_credential", "Required by payments_mpesa.initiator (or initiator_password and certificate)"
    if password and given["security_credential"]:
        yield "initiator_password", "Not together with payments_mpesa.security_credential"
    if password and not certificate:
        yield "certificate", "Required by payments_mpesa.initiator_password"
    if certificate and not password:
        yield "initiator_password", "Required by payments_mpesa.certificate"


def _is_phone(text: str) -> bool:
    try:
        normalise_msisdn(text)
    except ValueError:
        return False
    return True
