"""The parts of the face, put together."""

from marketcore_simulator.stripe.accounts import AccountDesk
from marketcore_simulator.stripe.checkout import CheckoutDesk
from marketcore_simulator.stripe.disputes import DisputeDesk
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.links import LinkDesk
from marketcore_simulator.stripe.payments import PaymentDesk
from marketcore_simulator.stripe.payouts import PayoutDesk
from marketcore_simulator.stripe.refunds import RefundDesk
from marketcore_simulator.stripe.transfers import TransferDesk
from marketcore_simulator.world import World


class Desks:
    """One desk for each resource, over one gateway."""

    def __init__(self, world: World) -> None:
        self.gateway = Gateway(world)
        self.transfers = TransferDesk(self.gateway)
        self.disputes = DisputeDesk(self.gateway)
        self.payments = PaymentDesk(self.gateway, self.transfers)
        self.payments.disputed = self.disputes.open
        self.checkout = CheckoutDesk(self.gateway, self.payments)
        self.refunds = RefundDesk(self.gateway, self.transfers)
        self.accounts = AccountDesk(self.gateway)
        self.links = LinkDesk(self.gateway)
        self.payouts = PayoutDesk(self.gateway)

    def clear(self) -> None:
        """Forget everything."""
        self.gateway.clear()
        self.links.clear()
