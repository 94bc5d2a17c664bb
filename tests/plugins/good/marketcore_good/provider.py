"""A way of paying and of paying out that always succeeds."""

import colander

from marketcore.interfaces import Capabilities, Enrollment, Outcome, ProviderResult


class GoodProvider:
    name = "good_pay"
    title = "Good pay"
    capabilities = Capabilities(currencies={"KES": 1})
    payout_capabilities = capabilities
    destination_schema = colander.MappingSchema()
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

    def enroll(self, destination):
        return Enrollment("active")

    def pay_out(self, payout):
        return ProviderResult(Outcome.SUCCEEDED, reference=payout.code, amount=payout.amount)

    def fetch_payout(self, payout):
        return self.pay_out(payout)
