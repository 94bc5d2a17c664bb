"""The back office of the Daraja face: payouts, status, reversals, paybill payments and their list."""

from collections.abc import Callable, Mapping

from marketcore_simulator.daraja.endings import PAYOUT_ENDINGS
from marketcore_simulator.daraja.instructions import Instructions
from marketcore_simulator.daraja.paybill import PaybillDesk
from marketcore_simulator.daraja.payouts import PayoutDesk
from marketcore_simulator.daraja.pull import PullDesk
from marketcore_simulator.daraja.refusals import bad_payload
from marketcore_simulator.daraja.reversals import ReversalDesk
from marketcore_simulator.daraja.statuses import StatusDesk
from marketcore_simulator.daraja.tokens import Tokens
from marketcore_simulator.daraja.transactions import TransactionBook
from marketcore_simulator.routing import Router
from marketcore_simulator.scripts import Script, parse_script
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Request, Response

Answer = Callable[[Request, Script | None], Response]
Scripted = Callable[[str, Answer], Callable[[Request], Response]]

OPERATIONS = ("b2c", "status", "reversal", "c2b_register", "c2b", "pull_register", "pull")


class BackOffice:
    """Everything Daraja does besides prompts, over one book of transactions."""

    def __init__(self, world: World, tokens: Tokens, book: TransactionBook) -> None:
        instructions = Instructions(world)
        self._world = world
        self._tokens = tokens
        self.book = book
        self.payouts = PayoutDesk(world, book, instructions)
        self.reversals = ReversalDesk(world, book, instructions)
        self.statuses = StatusDesk(world, book, self.payouts, instructions)
        self.paybill = PaybillDesk(world, book)
        self.pull = PullDesk(world, book)

    def add_routes(self, router: Router, scripted: Scripted) -> None:
        """Add the paths; `scripted` wraps an answer with the scripts of its operation."""
        self._add(router, scripted, "b2c", "/mpesa/b2c/v3/paymentrequest", self._pay_out)
        self._add(router, scripted, "status", "/mpesa/transactionstatus/v1/query", self.statuses.request)
        self._add(router, scripted, "reversal", "/mpesa/reversal/v1/request", self.reversals.request)
        self._add(router, scripted, "c2b_register", "/mpesa/c2b/v2/registerurl", _plain(self.paybill.register))
        self._add(router, scripted, "pull_register", "/pulltransactions/v1/register", _plain(self.pull.register))
        # The documentation says GET and shows a body, so both verbs are answered.
        for method in ("POST", "GET"):
            self._add(router, scripted, "pull", "/pulltransactions/v1/query", _plain(self.pull.query), method)

    def clear(self) -> None:
        """Forget transactions, payouts and registrations."""
        for part in (self.book, self.payouts, self.paybill, self.pull):
            part.clear()

    def _add(
        self,
        router: Router,
        scripted: Scripted,
        operation: str,
        path: str,
        answer: Callable[[Mapping[str, object], Script | None], Response],
        method: str = "POST",
    ) -> None:
        def checked(request: Request, script: Script | None) -> Response:
            self._tokens.check(request)
            return answer(read_document(request), script)

        router.add(method, path, scripted(operation, checked))

    def _pay_out(self, document: Mapping[str, object], script: Script | None) -> Response:
        if script is None:
            script = self._world.scripts.bound_to("daraja", str(document.get("PartyB", "")))
        magic = PAYOUT_ENDINGS.get(str(document.get("PartyB", ""))[-3:])
        if script is None and magic:
            script = parse_script(magic)
        return self.payouts.request(document, script)


def read_document(request: Request) -> dict[str, object]:
    """Return the JSON object in a request; raise Refusal for anything else."""
    try:
        return request.document()
    except ValueError:
        raise bad_payload() from None


def _plain(
    answer: Callable[[Mapping[str, object]], Response],
) -> Callable[[Mapping[str, object], Script | None], Response]:
    return lambda document, _script: answer(document)
