"""The paths of Daraja, answered the way Daraja answers them."""

from collections.abc import Callable

from marketcore_simulator.daraja.desk import PhoneBusy, PromptDesk
from marketcore_simulator.daraja.endings import MAGIC_ENDINGS
from marketcore_simulator.daraja.office import OPERATIONS, BackOffice, read_document
from marketcore_simulator.daraja.prompts import Prompt
from marketcore_simulator.daraja.refusals import Refusal, bad_field, no_answer
from marketcore_simulator.daraja.rules import PushOrder, check_signature, read_push
from marketcore_simulator.daraja.tokens import Tokens
from marketcore_simulator.routing import NoSuchPath, Router, WrongMethod
from marketcore_simulator.scripts import Script, parse_script, perform
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Dropped, Request, Response, json_response

_STILL_BUSY = "The transaction is being processed"


class DarajaFace:
    """OAuth, STK push, STK query and the back office of one invented merchant."""

    name = "daraja"
    operations = ("oauth", "push", "query", *OPERATIONS)

    def __init__(self, world: World) -> None:
        self._world = world
        self.desk = PromptDesk(world)
        self.tokens = Tokens(world)
        self.office = BackOffice(world, self.tokens, self.desk.book)
        self._router = Router()
        self._router.add("GET", "/oauth/v1/generate", self._scripted("oauth", self._token))
        self._router.add("POST", "/mpesa/stkpush/v1/processrequest", self._scripted("push", self._push))
        self._router.add("POST", "/mpesa/stkpushquery/v1/query", self._scripted("query", self._query))
        self.office.add_routes(self._router, self._scripted)

    def handle(self, request: Request) -> Response:
        """Answer one request; raise Dropped when a script closes the connection."""
        response = self._dispatch(request)
        self._world.log.add(self.name, "request", f"{request.method} {request.path}: {response.status}")
        return response

    def reset(self) -> None:
        """Forget prompts, transactions and tokens."""
        self.desk.prompts.clear()
        self.office.clear()
        self.tokens.revoke()

    def _dispatch(self, request: Request) -> Response:
        try:
            return self._router.dispatch(request)
        except NoSuchPath:
            return self._refuse(Refusal(404, "404.001.01", "Resource not found"))
        except WrongMethod:
            return self._refuse(Refusal(405, "405.001", "Method Not Allowed"))
        except Dropped:
            self._world.log.add(self.name, "request", f"{request.method} {request.path}: connection dropped")
            raise

    def _scripted(
        self, operation: str, answer: Callable[[Request, Script | None], Response]
    ) -> Callable[[Request], Response]:
        def handler(request: Request) -> Response:
            script = self._world.scripts.take(self.name, operation) or self._bound_to_exchange(request)
            return perform(script, lambda: self._guarded(answer, request, script), self._spoilt, self._world.wait)

        return handler

    def _guarded(
        self,
        answer: Callable[[Request, Script | None], Response],
        request: Request,
        script: Script | None,
    ) -> Response:
        try:
            return answer(request, script)
        except Refusal as refusal:
            return self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> Response:
        return refusal.response(f"{self._world.ids.digits('request', 5)}-{self._world.ids.digits('request', 8)}-1")

    def _spoilt(self, status: int) -> Response:
        if status == 429:
            return self._refuse(Refusal(429, "500.003.03", "Error Occurred: Quota Violation"))
        return self._refuse(Refusal(500, "500.003.1001", "Internal Server Error"))

    def _token(self, request: Request, script: Script | None) -> Response:
        return json_response(self.tokens.issue(request))

    def _push(self, request: Request, script: Script | None) -> Response:
        self.tokens.check(request)
        order = read_push(read_document(request), self._world.settings.max_amount)
        prompt = self._open(order, self._payment_script(order, script))
        return json_response(
            {
                "MerchantRequestID": prompt.merchant_request_id,
                "CheckoutRequestID": prompt.checkout_request_id,
                "ResponseCode": "0",
                "ResponseDescription": "Success. Request accepted for processing",
                "CustomerMessage": "Success. Request accepted for processing",
            }
        )

    def _open(self, order: PushOrder, script: Script | None) -> Prompt:
        try:
            return self.desk.open(order, script)
        except PhoneBusy:
            raise no_answer("Unable to lock subscriber, a transaction is already in process") from None

    def _payment_script(self, order: PushOrder, script: Script | None) -> Script | None:
        if script is not None and script.concerns_payment:
            return script
        bound = self._world.scripts.bound_to(self.name, order.phone)
        if bound is not None and bound.concerns_payment:
            return bound
        magic = MAGIC_ENDINGS.get(order.phone[-3:])
        return parse_script(magic) if magic else None

    def _bound_to_exchange(self, request: Request) -> Script | None:
        """Return the script bound to the phone in a request, if it spoils the exchange itself."""
        try:
            document = request.document()
        except ValueError:
            return None
        phone = str(document.get("PhoneNumber") or document.get("PartyB") or "")
        bound = self._world.scripts.bound_to(self.name, phone)
        return bound if bound is not None and not bound.concerns_payment else None

    def _query(self, request: Request, script: Script | None) -> Response:
        self.tokens.check(request)
        document = read_document(request)
        check_signature(document)
        asked = document.get("CheckoutRequestID")
        if not isinstance(asked, str) or not asked:
            raise bad_field("CheckoutRequestID")
        try:
            prompt = self.desk.prompts.get(asked)
        except LookupError:
            raise no_answer("The transaction does not Exist") from None
        return self._status(prompt)

    def _status(self, prompt: Prompt) -> Response:
        with self._world.lock:
            prompt.polls += 1
            if prompt.result is None:
                return self._in_flight(prompt)
            if self._world.ids.percent("query noise") < self._world.settings.query_noise_percent:
                raise no_answer(_STILL_BUSY)
            return _query_answer(prompt, str(prompt.result.code), prompt.result.query_text)

    def _in_flight(self, prompt: Prompt) -> Response:
        """Alternate the two shapes of "not yet"; the error comes with HTTP 500 and with 200."""
        if prompt.polls % 2:
            return _query_answer(prompt, "4999", "The transaction is still under processing")
        raise no_answer(_STILL_BUSY, 500 if prompt.polls % 4 == 2 else 200)


def _query_answer(prompt: Prompt, code: str, text: str) -> Response:
    return json_response(
        {
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successfully",
            "MerchantRequestID": prompt.merchant_request_id,
            "CheckoutRequestID": prompt.checkout_request_id,
            "ResultCode": code,
            "ResultDesc": text,
        }
    )
