"""Paying for a thing."""

from marketcore.money import Money


class ThingPurpose:
    def amount_due(self, request, reference, user_id):
        return Money(100, "KES")

    def captured(self, request, reference, payment_id, amount, clearing):
        return True
