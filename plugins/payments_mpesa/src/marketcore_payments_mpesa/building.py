"""Make the provider that the settings describe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marketcore.exceptions import ConfigurationError
from marketcore_payments_mpesa.back_office import MpesaBackOffice
from marketcore_payments_mpesa.client import DarajaClient, Initiator
from marketcore_payments_mpesa.credentials import encrypt_password
from marketcore_payments_mpesa.provider import MpesaProvider


def build_provider(settings: Mapping[str, Any], public_url: str) -> MpesaProvider:
    """Return the provider that ``payments_mpesa.*`` describe; ``ConfigurationError`` names what is wrong.

    With an initiator it is an ``MpesaBackOffice``. ``public_url`` is where providers reach this platform.
    """
    initiator = read_initiator(settings)
    try:
        client = build_client(settings, initiator)
    except ValueError as error:
        raise ConfigurationError(f"payments_mpesa: {error}") from None
    kind = MpesaBackOffice if initiator else MpesaProvider
    address = f"{public_url.rstrip('/')}/hooks/{kind.webhook_slug}"
    return kind(
        client,
        maximum_kes=settings["maximum_kes"],
        description=settings["description"],
        payment_list=client.payment_list(settings["pull_number"], address) if settings["pull"] else None,
    )


def build_client(settings: Mapping[str, Any], initiator: Initiator | None) -> DarajaClient:
    """Return a client for the account; ``ValueError`` says what is wrong with a setting."""
    return DarajaClient(
        settings["base_url"],
        settings["consumer_key"],
        settings["consumer_secret"],
        settings["shortcode"],
        settings["passkey"],
        transaction_type=settings["transaction_type"],
        party_b=settings["till"] or None,
        max_amount_kes=settings["maximum_kes"],
        initiator=initiator,
        payout_shortcode=settings["payout_shortcode"] or None,
        read_timeout=settings["read_timeout"],
    )


def read_initiator(settings: Mapping[str, Any]) -> Initiator | None:
    """Return who moves the organisation's money, if anybody is named; a password is encrypted for the certificate."""
    if not settings["initiator"]:
        return None
    credential = settings["security_credential"] or _encrypted(settings["initiator_password"], settings["certificate"])
    return Initiator(settings["initiator"], credential)


def _encrypted(password: str, certificate: str) -> str:
    try:
        return encrypt_password(password, Path(certificate).read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"payments_mpesa.certificate = {certificate} cannot be used: {error}; "
            "name the file of the certificate from the Daraja portal"
        ) from None
