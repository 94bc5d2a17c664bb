"""The paths of Razorpay, answered the way Razorpay answers them."""

import base64
import binascii
from collections.abc import Callable

from marketcore_simulator.razorpay import credentials
from marketcore_simulator.razorpay.calls import Calls
from marketcore_simulator.razorpay.checkout import Checkout
from marketcore_simulator.razorpay.errors import Refusal
from marketcore_simulator.razorpay.idempotency import PAYOUT, REFUND, TRANSFER, IdempotencyKeys, KeyRule
from marketcore_simulator.razorpay.merchant import Merchant
from marketcore_simulator.routing import NoSuchPath, Router, WrongMethod
from marketcore_simulator.scripts import Script, perform
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Dropped, Request, Response

Call = Callable[..., Response]

_KEYS = {"refund": REFUND, "transfers_direct": TRANSFER, "payouts": PAYOUT}


class RazorpayFace:
    """Every call of the API, and the hosted checkout page."""

    name = "razorpay"
    #: What a script may be chosen for: calls by name, and `pay` for what becomes of a payment on the page.
    operations = ("pay", "settlement", *Calls.OPERATIONS)

    def __init__(self, world: World) -> None:
        self._world = world
        self.merchant = Merchant(world)
        self.checkout = Checkout(self.merchant)
        self._keys = IdempotencyKeys(world)
        self._router = Router()
        self.checkout.add_routes(self._router)
        Calls(self.merchant).add_routes(self._add)

    def handle(self, request: Request) -> Response:
        """Answer one request; raise Dropped when a script closes the connection."""
        response = self._dispatch(request)
        self.merchant.gateway.webhooks.deliver_first()
        self._world.log.add(self.name, "request", f"{request.method} {request.path}: {response.status}")
        return response

    def register_webhook(self, url: str, secret: str) -> None:
        """Let every event be posted to `url`, as a merchant does once on the gateway's dashboard."""
        self.merchant.gateway.webhooks.register(url, secret, None)

    def reset(self) -> None:
        """Forget everything."""
        self.merchant.clear()
        self.checkout.clear()
        self._keys.clear()

    def _dispatch(self, request: Request) -> Response:
        try:
            return self._router.dispatch(request)
        except Refusal as refusal:
            return refusal.response()
        except (NoSuchPath, WrongMethod):
            return Refusal("The requested URL was not found on the server.", status=404).response()
        except Dropped:
            self._world.log.add(self.name, "request", f"{request.method} {request.path}: connection dropped")
            raise

    def _add(self, method: str, path: str, operation: str, call: Call) -> None:
        self._router.add(method, path, self._scripted(operation, call))

    def _scripted(self, operation: str, call: Call) -> Call:
        rule = _KEYS.get(operation)

        def handler(request: Request, **names: str) -> Response:
            _authenticate(request)
            script = self._world.scripts.take(self.name, operation)
            return self._answer(rule, request, script, lambda: call(request, script, **names))

        return handler

    def _answer(
        self, rule: KeyRule | None, request: Request, script: Script | None, work: Callable[[], Response]
    ) -> Response:
        with self._keys.held(rule, request) as once:
            return perform(script, lambda: once(lambda: _guarded(work)), _spoilt, self._world.wait)


def _guarded(work: Callable[[], Response]) -> Response:
    try:
        return work()
    except Refusal as refusal:
        return refusal.response()


def _spoilt(status: int) -> Response:
    if status == 429:
        return Refusal("Request failed due to rate limiting.", status=429).response()
    text = "We are facing some trouble completing your request at the moment. Please try again shortly."
    return Refusal(text, status=500, code="SERVER_ERROR").response()


def _authenticate(request: Request) -> None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        known = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        known = ""
    if scheme.lower() != "basic" or known != f"{credentials.KEY_ID}:{credentials.KEY_SECRET}":
        raise Refusal("Authentication failed", status=401)
