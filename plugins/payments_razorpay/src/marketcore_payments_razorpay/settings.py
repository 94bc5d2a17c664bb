"""``payments_razorpay.*``: the account at Razorpay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import colander

from marketcore.exceptions import ConfigurationError
from marketcore.money import exponent
from marketcore.settings import Words
from marketcore_payments_razorpay.client import PRODUCTION_URL, RazorpayClient
from marketcore_payments_razorpay.pages import Pages
from marketcore_payments_razorpay.payouts import RazorpayPayoutProvider
from marketcore_payments_razorpay.provider import Merchant, RazorpayProvider

_LIVE = "rzp_live_"


class RazorpaySettings(colander.MappingSchema):
    """Keys and secrets; secrets are best given as ``env:NAME``."""

    base_url = colander.SchemaNode(colander.String(), missing=PRODUCTION_URL, description="without /v1")
    key_id = colander.SchemaNode(
        colander.String(), validator=colander.Regex(r"rzp_(test|live)_[A-Za-z0-9]+\Z"), description="API key"
    )
    key_secret = colander.SchemaNode(colander.String(), description="of the API key")
    webhook_secrets = colander.SchemaNode(
        Words(), validator=colander.Length(1), description="of the webhook; the old one too while it is replaced"
    )
    payout_account = colander.SchemaNode(
        colander.String(), missing="", description="RazorpayX account number; left out: nobody is paid out by Razorpay"
    )
    read_timeout = colander.SchemaNode(
        colander.Integer(), missing=20, validator=colander.Range(1, 25), description="seconds an answer may take"
    )
    merchant_name = colander.SchemaNode(
        colander.String(), missing="Marketplace", validator=colander.Length(1, 100), description="shown to payers"
    )
    currencies = colander.SchemaNode(
        Words(), missing=("INR",), validator=colander.Length(1), description="those the account may take"
    )
    return_url = colander.SchemaNode(
        colander.String(),
        missing="",
        validator=colander.url,
        description="the shop's page for a payer who comes back, with ?payment_id=…; left out: a page of ours",
    )


def build_provider(settings: Mapping[str, Any], pages: Pages, environment: str) -> RazorpayProvider:
    """Return the provider that ``payments_razorpay.*`` describe; ``ConfigurationError`` names what is wrong."""
    _check(settings, environment)
    merchant = Merchant(
        name=settings["merchant_name"],
        key_secret=settings["key_secret"],
        webhook_secrets=tuple(settings["webhook_secrets"]),
        currencies=tuple(settings["currencies"]),
        payout_account=settings["payout_account"],
    )
    try:
        client = RazorpayClient(
            settings["key_id"],
            settings["key_secret"],
            base_url=settings["base_url"],
            read_timeout=settings["read_timeout"],
        )
    except ValueError as error:
        raise ConfigurationError(f"payments_razorpay: {error}") from None
    kind = RazorpayPayoutProvider if merchant.payout_account else RazorpayProvider
    return kind(client, merchant, pages)


def _check(settings: Mapping[str, Any], environment: str) -> None:
    if environment == "development" and settings["key_id"].startswith(_LIVE):
        raise ConfigurationError(
            "payments_razorpay.key_id is a live key and marketcore.environment is development: "
            "use a key that begins with rzp_test_, for development must not move real money"
        )
    for currency in settings["currencies"]:
        try:
            exponent(currency)
        except ValueError as error:
            raise ConfigurationError(f"payments_razorpay.currencies: {error}; correct it") from None
