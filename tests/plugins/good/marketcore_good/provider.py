"""A way of paying that always succeeds."""

import colander

from marketcore.interfaces import Capabilities, Outcome, ProviderResult


class GoodProvider:
    name = "good_pay"
    title = "Good pay"
    capabilities = Capabilities(currencies={"KES": 1})
    payer_schema = colander.MappingSchema()
    webhook_slug = "good-pay"

    def __init__(self, settings):
        self.limit = settings["limit"]

    def start(self, attempt):
        return ProviderResult(Outcome.SUCCEEDED, reference=attempt.code, amount=attempt.amount)

    def fetch(self, attempt):
        return self.start(attempt)

    def verify(self, call):
        return False

    def translate(self, call):
        return ()

    def acknowledge(self):
        return "text/plain", b""
