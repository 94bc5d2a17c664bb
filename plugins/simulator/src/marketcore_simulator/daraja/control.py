"""/_sim/daraja/…: see prompts, decide them, forge callbacks."""

from marketcore_simulator.daraja.desk import PromptDesk
from marketcore_simulator.daraja.face import DarajaFace
from marketcore_simulator.daraja.initiators import certificate
from marketcore_simulator.daraja.prompts import PERSONAL
from marketcore_simulator.routing import Router
from marketcore_simulator.wsgi import Request, Response, json_response


class DarajaControl:
    """The control calls of the Daraja face."""

    def __init__(self, face: DarajaFace) -> None:
        self._desk: PromptDesk = face.desk
        self._tokens = face.tokens
        self._office = face.office

    def add_routes(self, router: Router) -> None:
        """Add this face's control routes."""
        router.add("GET", "/_sim/daraja/prompts", self._list)
        router.add("GET", "/_sim/daraja/prompts/{prompt_id}", self._show)
        router.add("POST", "/_sim/daraja/prompts/{prompt_id}/forged-callback", self._forge)
        router.add("POST", "/_sim/daraja/prompts/{prompt_id}/{decision}", self._decide)
        router.add("POST", "/_sim/daraja/tokens/revoke", self._revoke)
        router.add("GET", "/_sim/daraja/transactions", self._transactions)
        router.add("GET", "/_sim/daraja/payouts", self._payouts)
        router.add("GET", "/_sim/daraja/balances", self._balances)
        router.add("POST", "/_sim/daraja/balances", self._set_balances)
        router.add("POST", "/_sim/daraja/c2b", self._pay_bill)
        router.add("GET", "/_sim/daraja/certificate", self._certificate)

    def _list(self, request: Request) -> Response:
        state = request.query.get("state")
        prompts = [prompt for prompt in self._desk.prompts.all() if state in {None, prompt.state}]
        return json_response({"items": [prompt.as_document() for prompt in prompts]})

    def _show(self, request: Request, prompt_id: str) -> Response:
        return json_response(self._desk.prompts.get(prompt_id).as_document())

    def _decide(self, request: Request, prompt_id: str, decision: str) -> Response:
        if decision not in PERSONAL:
            raise LookupError(f"{decision!r} is not one of {', '.join(PERSONAL)}")
        prompt = self._desk.prompts.get(prompt_id)
        self._desk.decide(prompt, decision)
        return json_response(prompt.as_document())

    def _forge(self, request: Request, prompt_id: str) -> Response:
        prompt = self._desk.prompts.get(prompt_id)
        return json_response(self._desk.forge(prompt, request.document()).as_document())

    def _revoke(self, request: Request) -> Response:
        self._tokens.revoke()
        return json_response({})

    def _transactions(self, request: Request) -> Response:
        return json_response({"items": [made.as_document() for made in self._office.book.all()]})

    def _payouts(self, request: Request) -> Response:
        return json_response({"items": [payout.as_document() for payout in self._office.payouts.all()]})

    def _balances(self, request: Request) -> Response:
        return json_response(self._office.book.balances())

    def _set_balances(self, request: Request) -> Response:
        chosen = {**self._office.book.balances(), **request.document()}
        if set(chosen) != {"utility", "working"} or not all(_whole_kes(value) for value in chosen.values()):
            raise ValueError("balances are utility and working, each a whole number of KES of 0 or more")
        self._office.book.set_balances(**chosen)
        return self._balances(request)

    def _pay_bill(self, request: Request) -> Response:
        document = request.document()
        phone, reference = str(document.get("phone", "")), str(document.get("bill_ref_number", ""))
        made = self._office.paybill.pay(phone, document.get("amount", 0), reference)
        return json_response(made.as_document())

    def _certificate(self, request: Request) -> Response:
        return Response(200, certificate().encode("ascii"), "application/x-pem-file")


def _whole_kes(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
