"""Bodies and documents of payments."""

from __future__ import annotations

import colander

from marketcore.states import PaymentState
from marketcore.web.schema import (
    Anything,
    MoneyNode,
    Schema,
    choice,
    listing,
    moment,
    nullable,
    text,
)


class Payer(colander.MappingSchema):
    """What the provider needs of the payer, such as `phone`; see the provider's options."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "preserve"


class PaymentBody(Schema):
    """What to pay for, and how."""

    purpose = text(30, min_length=1, description="such as `checkout`")
    reference = text(60, min_length=1, description="the id of what is paid for")
    provider = text(30, missing=None, description="left out: the best of the configured route")
    payer = Payer(missing={})


class NextActionDocument(Schema):
    """What the payer has to do."""

    kind = choice("redirect", "phone_prompt", "instructions", "client_secret", "none")
    data = colander.SchemaNode(Anything())


class PaymentDocument(Schema):
    """One attempt to collect one amount. `unknown` means: being clarified, pay nothing again."""

    id = text(36)
    code = text(12, description="what the payer sees on the statement or prompt")
    purpose = text(30)
    reference = text(60)
    provider = text(30)
    amount = MoneyNode()
    state = choice(*PaymentState)
    reason = text(60)
    next_action = nullable(NextActionDocument())
    receipt = nullable(text(200))
    expires_at = moment()
    created_at = moment()
    updated_at = moment()


class OptionsQuery(Schema):
    """What is to be paid for."""

    purpose = text(30, min_length=1)
    reference = text(60, min_length=1)


class PaymentOption(Schema):
    """A provider that may serve."""

    provider = text(30)
    title = text(100)
    payer_fields = listing(text(60, name="field"))


class PaymentOptions(Schema):
    """The amount due, and who can collect it, best first."""

    amount = MoneyNode()
    options = listing(PaymentOption(name="option"))
