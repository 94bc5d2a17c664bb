"""The handset and the event log, as plain HTML that also works without a script."""

import contextlib

from jinja2 import Environment, PackageLoader, select_autoescape

from marketcore_simulator.daraja.face import DarajaFace
from marketcore_simulator.daraja.paybill import PaymentDeclined
from marketcore_simulator.daraja.prompts import PERSONAL, AlreadyDecided
from marketcore_simulator.events import Event
from marketcore_simulator.routing import Router
from marketcore_simulator.world import World
from marketcore_simulator.wsgi import Request, Response, html_response, see_other

_NEWEST = 200
_RECENT = 12


class Pages:
    """Render the state of the world; every value is escaped by the templates."""

    def __init__(self, world: World, daraja: DarajaFace) -> None:
        self._world = world
        self._desk = daraja.desk
        self._office = daraja.office
        self._templates = Environment(
            loader=PackageLoader("marketcore_simulator", "pages/templates"), autoescape=select_autoescape()
        )
        self._templates.filters["grouped"] = "{:,}".format
        self._templates.filters["spaced"] = _spaced

    def add_routes(self, router: Router) -> None:
        """Add the pages and the forms on them."""
        router.add("GET", "/", self._log_page)
        router.add("GET", "/log/lines", self._log_lines)
        router.add("POST", "/log/{event_id}/redeliver", self._redeliver)
        router.add("GET", "/handset", self._handset_page)
        router.add("GET", "/handset/screens", self._handset_screens)
        router.add("POST", "/handset/paybill", self._pay_bill)
        router.add("POST", "/handset/{prompt_id}", self._decide)

    def _log_page(self, request: Request) -> Response:
        return self._page("log.html", events=self._events(), now=self._world.clock.now())

    def _log_lines(self, request: Request) -> Response:
        return self._page("log_lines.html", events=self._events())

    def _redeliver(self, request: Request, event_id: str) -> Response:
        if not event_id.isdecimal():
            raise LookupError(f"{event_id!r} is not the number of an event")
        self._world.courier.redeliver(self._world.log.get(int(event_id)))
        return see_other("/")

    def _handset_page(self, request: Request) -> Response:
        return self._page("handset.html", **self._screens())

    def _handset_screens(self, request: Request) -> Response:
        return self._page("screens.html", **self._screens())

    def _decide(self, request: Request, prompt_id: str) -> Response:
        decision = request.form().get("decision", "")
        if decision not in PERSONAL:
            raise ValueError(f"decision {decision!r} is not one of {', '.join(PERSONAL)}")
        with contextlib.suppress(AlreadyDecided):  # the page was out of date; the next one shows why
            self._desk.decide(self._desk.prompts.get(prompt_id), decision)
        return see_other("/handset")

    def _pay_bill(self, request: Request) -> Response:
        form = request.form()
        phone, amount = form.get("phone", "").replace(" ", ""), form.get("amount", "")
        if not (amount.isascii() and amount.isdecimal() and len(amount) <= 9):
            raise ValueError(f"amount {amount!r} is not a whole number of KES")
        with contextlib.suppress(PaymentDeclined):  # the list of money shows that nothing moved
            self._office.paybill.pay(phone, int(amount), form.get("bill_ref_number", ""))
        return see_other("/handset")

    def _events(self) -> list[Event]:
        return self._world.log.select()[: -_NEWEST - 1 : -1]

    def _screens(self) -> dict[str, object]:
        prompts = self._desk.prompts.all()
        decided = [prompt for prompt in prompts if prompt.state != "prompted"]
        return {
            "waiting": [prompt for prompt in prompts if prompt.state == "prompted"],
            "decided": decided[: -_RECENT - 1 : -1],
            "moved": [made for made in self._office.book.all() if made.kind != "stk"][: -_RECENT - 1 : -1],
        }

    def _page(self, template: str, **values: object) -> Response:
        return html_response(self._templates.get_template(template).render(**values))


def _spaced(phone: str) -> str:
    return f"+{phone[:3]} {phone[3:6]} {phone[6:9]} {phone[9:]}"
