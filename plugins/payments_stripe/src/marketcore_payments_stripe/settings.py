"""``payments_stripe.*``: the platform's account at Stripe."""

from __future__ import annotations

import colander

from marketcore.settings import Words

PRODUCTION_URL = "https://api.stripe.com"
MODES = ("checkout", "intent")


class StripeSettings(colander.MappingSchema):
    """The API key and webhook secrets, best given as ``env:NAME``, and how payers pay."""

    api_key = colander.SchemaNode(colander.String(), description="secret (sk_…) or restricted (rk_…) key")
    webhook_secrets = colander.SchemaNode(
        Words(),
        validator=colander.Length(1),
        description="whsec_… of every endpoint: platform, connected accounts, thin events, and during a rotation both",
    )
    base_url = colander.SchemaNode(colander.String(), missing=PRODUCTION_URL)
    mode = colander.SchemaNode(
        colander.String(),
        missing="checkout",
        validator=colander.OneOf(MODES),
        description="checkout: Stripe's payment page; intent: a PaymentIntent for the client's own form",
    )
    session_minutes = colander.SchemaNode(
        colander.Integer(),
        missing=60,
        validator=colander.Range(31, 1430),
        description="how long a payer has at the payment page; Stripe allows 30 minutes to 24 hours",
    )
    connect_seconds = colander.SchemaNode(colander.Integer(), missing=5, validator=colander.Range(1, 30))
    read_seconds = colander.SchemaNode(
        colander.Integer(), missing=10, validator=colander.Range(1, 30), description="for an answer, each try"
    )
    retries = colander.SchemaNode(
        colander.Integer(),
        missing=2,
        validator=colander.Range(0, 2),
        description="further tries of a call without an answer, under the same idempotency key",
    )
    description = colander.SchemaNode(
        colander.String(),
        missing="Order",
        validator=colander.Length(1, 100),
        description="what payers see of a payment, before its code",
    )
