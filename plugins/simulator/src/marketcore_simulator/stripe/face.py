"""The paths of Stripe's API, answered the way Stripe answers them."""

import json
from functools import partial

from marketcore_simulator.routing import NoSuchPath, Router, WrongMethod
from marketcore_simulator.scripts import Script, perform
from marketcore_simulator.stripe.calls import Call, read_call
from marketcore_simulator.stripe.connect_calls import ConnectCalls
from marketcore_simulator.stripe.desks import Desks
from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.stripe.idempotency import IdempotencyKeys
from marketcore_simulator.stripe.notices import Cause
from marketcore_simulator.stripe.pages import StripePages
from marketcore_simulator.stripe.payment_calls import PaymentCalls
from marketcore_simulator.stripe.reading import Handler
from marketcore_simulator.stripe.store import Document, expanded, public
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Dropped, Request, Response

#: Parameters whose ending a script may be bound to.
_REFERENCES = ("client_reference_id", "transfer_group", "description")


class StripeFace:
    """The v1 and v2 API of one invented platform, and the pages its customers see."""

    name = "stripe"

    def __init__(self, world: World) -> None:
        self._world = world
        self.desks = Desks(world)
        self._keys = IdempotencyKeys(world)
        self._router = Router()
        routes = [*PaymentCalls(self.desks).routes(), *ConnectCalls(self.desks).routes()]
        for method, path, operation, handler in routes:
            self._router.add(method, path, partial(self._api, operation, handler))
        self.operations = tuple(dict.fromkeys(operation for _, _, operation, _ in routes))
        StripePages(self.desks).add_routes(self._router)

    def handle(self, request: Request) -> Response:
        """Answer one request; raise Dropped when a script closes the connection."""
        try:
            response = self._dispatch(request)
        except Dropped:
            self._world.log.add(self.name, "request", f"{request.method} {request.path}: connection dropped")
            raise
        self._world.log.add(self.name, "request", f"{request.method} {request.path}: {response.status}")
        return response

    def register_webhook(self, url: str, secret: str) -> None:
        """Register `url` for every kind of event: the platform's, the connected accounts', and thin ones."""
        for kind in ({}, {"connect": True}, {"thin": True}):
            self.desks.gateway.webhooks.register({"url": url, "secret": secret, **kind})

    def reset(self) -> None:
        """Forget every object, endpoint and idempotency key."""
        self.desks.clear()
        self._keys.clear()

    def _dispatch(self, request: Request) -> Response:
        try:
            return self._router.dispatch(request)
        except (NoSuchPath, WrongMethod):
            message = f"Unrecognized request URL ({request.method}: {request.path})."
            return self._refused(StripeError(message, status=404), self._new_request_id())

    def _api(self, operation: str, handler: Handler, request: Request, **ids: str) -> Response:
        request_id = self._new_request_id()
        try:
            call = self._authorized(read_call(request, request_id))
            script = self._world.scripts.take(self.name, operation) or self._bound(call)
            with self._keys.one_at_a_time(call):
                work = partial(self._answered, call, handler, ids, script)
                return perform(script, work, partial(self._spoilt, request_id), self._world.wait)
        except StripeError as refusal:
            return self._refused(refusal, request_id)

    def _authorized(self, call: Call) -> Call:
        """Check that the platform may act for the account it names."""
        found = self.desks.gateway.store.find(call.account or "")
        if call.account is not None and (found is None or found["object"] != "account"):
            raise StripeError(
                f"The provided key does not have access to account '{call.account}' (or that account does not exist). "
                "Application access may have been revoked.",
                "account_invalid",
                status=403,
            )
        return call

    def _answered(self, call: Call, handler: Handler, ids: dict[str, str], script: Script | None) -> Response:
        replayed = self._keys.replay(call)
        if replayed is not None:
            return replayed
        try:
            response = self._response(self._work(call, handler, ids, script), 200, call)
        except StripeError as refusal:
            response = self._refused(refusal, call.request_id)
            if not refusal.kept:
                return response
        self._keys.keep(call, response)
        return response

    def _work(self, call: Call, handler: Handler, ids: dict[str, str], script: Script | None) -> Document:
        outcome = script if script is not None and script.concerns_payment else None
        with self.desks.gateway.acting(outcome, Cause(call.request_id, call.idempotency_key)):
            document = handler(call, **ids)
            return public(expanded(document, list(call.expand), self.desks.gateway.store))

    def _bound(self, call: Call) -> Script | None:
        """Return the script bound to the ending of the reference the call carries."""
        for name in _REFERENCES:
            value = call.params.raw(name)
            if isinstance(value, str) and value:
                return self._world.scripts.bound_to(self.name, value)
        return None

    def _response(self, document: Document, status: int, call: Call) -> Response:
        headers = [("Request-Id", call.request_id), ("Stripe-Version", call.version)]
        if call.idempotency_key is not None:
            headers.append(("Idempotency-Key", call.idempotency_key))
        if call.account is not None:
            headers.append(("Stripe-Account", call.account))
        return Response(status, _written(document), "application/json", tuple(headers))

    def _refused(self, refusal: StripeError, request_id: str) -> Response:
        headers = (("Request-Id", request_id),)
        return Response(refusal.status, _written(refusal.document()), "application/json", headers)

    def _spoilt(self, request_id: str, status: int) -> Response:
        if status == 429:
            message = "Request rate limit exceeded."
            return self._refused(StripeError(message, "rate_limit", status=429), request_id)
        return self._refused(StripeError("An unknown error occurred", status=status, kind="api_error"), request_id)

    def _new_request_id(self) -> str:
        return f"req_{self._world.ids.letters('req', 14)}"


def _written(document: Document) -> bytes:
    return json.dumps(document, indent=2).encode("utf-8")
