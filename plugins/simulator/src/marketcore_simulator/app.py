"""The WSGI application: gateway faces, control calls and pages over one world."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import urlsplit

from marketcore_simulator.control import Control
from marketcore_simulator.courier import is_loopback
from marketcore_simulator.daraja.control import DarajaControl
from marketcore_simulator.daraja.face import DarajaFace
from marketcore_simulator.daraja.paybill import PaymentDeclined
from marketcore_simulator.daraja.prompts import AlreadyDecided
from marketcore_simulator.pages import Pages
from marketcore_simulator.razorpay.control import RazorpayControl
from marketcore_simulator.razorpay.face import RazorpayFace
from marketcore_simulator.routing import NoSuchPath, Router, WrongMethod
from marketcore_simulator.stripe.control import StripeControl
from marketcore_simulator.stripe.face import StripeFace
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Request, Response, json_response, read_request


class Face(Protocol):
    """One gateway: its name is the first part of its paths, its operations are what scripts are chosen for."""

    @property
    def name(self) -> str: ...

    @property
    def operations(self) -> tuple[str, ...]: ...

    def handle(self, request: Request) -> Response:
        """Answer one request whose path is relative to the face."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...


class Simulator:
    """Answer /daraja/…, /razorpay/… and /stripe/… as the gateways would, /_sim/… for tests, and pages for people."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.daraja = DarajaFace(world)
        self.razorpay = RazorpayFace(world)
        self.stripe = StripeFace(world)
        faces: tuple[Face, ...] = (self.daraja, self.razorpay, self.stripe)
        self._faces = {face.name: face for face in faces}
        self._router = Router()
        self._router.add("POST", "/_sim/reset", self._reset)
        Control(world, {face.name: face.operations for face in self._faces.values()}).add_routes(self._router)
        DarajaControl(self.daraja).add_routes(self._router)
        RazorpayControl(self.razorpay).add_routes(self._router)
        StripeControl(self.stripe).add_routes(self._router)
        Pages(world, self.daraja).add_routes(self._router)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        try:
            response = self.handle(read_request(environ))
        except ValueError as error:
            response = _problem(400, error)
        return response.start_and_body(start_response)

    def handle(self, request: Request) -> Response:
        """Answer one request; raise Dropped when the connection is to be closed instead."""
        if not _from_this_machine(request):
            return _problem(403, "the simulator answers only to a loopback address and its own pages")
        _, name, *rest = request.path.split("/", 2)
        if name in self._faces:
            return self._faces[name].handle(request.at("/" + "".join(rest)))
        return self._own(request)

    def _own(self, request: Request) -> Response:
        try:
            return self._router.dispatch(request)
        except NoSuchPath:
            return _problem(404, f"nothing is at {request.path}")
        except WrongMethod:
            return _problem(405, f"{request.path} does not answer {request.method}")
        except LookupError as error:
            return _problem(404, error)
        except (AlreadyDecided, PaymentDeclined) as error:
            return _problem(409, error)

    def _reset(self, request: Request) -> Response:
        self.world.reset()
        for face in self._faces.values():
            face.reset()
        return json_response({})


def _problem(status: int, detail: object) -> Response:
    return json_response({"problem": str(detail)}, status)


#: Pages a marketplace sends its payers to by a form; all such a form does is show the page.
_OPEN_TO_OTHER_SITES = frozenset({"/razorpay/v1/checkout/embedded"})


def _from_this_machine(request: Request) -> bool:
    """Refuse names pointed at loopback by somebody else's DNS, and forms posted by other sites."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    welcome = origin in {None, f"http://{host}"} or request.path in _OPEN_TO_OTHER_SITES
    return is_loopback(urlsplit(f"//{host}").hostname) and welcome
