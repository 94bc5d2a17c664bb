"""/_sim/daraja/…: see prompts, decide them, forge callbacks."""

from marketcore_simulator.daraja.desk import PromptDesk
from marketcore_simulator.daraja.face import DarajaFace
from marketcore_simulator.daraja.prompts import PERSONAL
from marketcore_simulator.routing import Router
from marketcore_simulator.wsgi import Request, Response, json_response


class DarajaControl:
    """The control calls of the Daraja face."""

    def __init__(self, face: DarajaFace) -> None:
        self._desk: PromptDesk = face.desk
        self._tokens = face.tokens

    def add_routes(self, router: Router) -> None:
        """Add this face's control routes."""
        router.add("GET", "/_sim/daraja/prompts", self._list)
        router.add("GET", "/_sim/daraja/prompts/{prompt_id}", self._show)
        router.add("POST", "/_sim/daraja/prompts/{prompt_id}/forged-callback", self._forge)
        router.add("POST", "/_sim/daraja/prompts/{prompt_id}/{decision}", self._decide)
        router.add("POST", "/_sim/daraja/tokens/revoke", self._revoke)

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
