"""What customers and sellers see: the payment page, the 3-D Secure challenge, onboarding. No script needed."""

from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, select_autoescape

from marketcore_simulator.routing import Router
from marketcore_simulator.stripe import methods
from marketcore_simulator.stripe.accounts import STATES
from marketcore_simulator.stripe.currencies import written
from marketcore_simulator.stripe.desks import Desks
from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.stripe.methods import Method
from marketcore_simulator.stripe.store import Document
from marketcore_simulator.wsgi import Request, Response, html_response, see_other

_QUICK = (methods.VISA, methods.DECLINED, methods.INSUFFICIENT, methods.CHALLENGED)
_BANKS = {"clears": methods.BANK, "fails": methods.BOUNCING_BANK}


class StripePages:
    """Render the pages and take their forms; every value is escaped by the templates."""

    def __init__(self, desks: Desks) -> None:
        self._desks = desks
        self._gateway = desks.gateway
        loader = PackageLoader("marketcore_simulator", "stripe/templates")
        self._templates = Environment(loader=loader, autoescape=select_autoescape())
        self._templates.filters["money"] = written

    def add_routes(self, router: Router) -> None:
        """Add the pages and the forms on them."""
        router.add("GET", "/pay/{session_id}", self._pay_page)
        router.add("POST", "/pay/{session_id}", self._pay)
        router.add("GET", "/challenge/{intent_id}", self._challenge_page)
        router.add("POST", "/challenge/{intent_id}", self._answer_challenge)
        router.add("GET", "/onboarding/{token}", self._onboarding_page)
        router.add("POST", "/onboarding/{token}", self._onboard)

    def _pay_page(self, request: Request, session_id: str) -> Response:
        session = self._object(session_id, "checkout.session")
        if session is None:
            return self._gone("There is no such checkout.")
        if session["status"] != "open":
            return self._page("ended.html", session=session, success_url=after_payment(session))
        intent = self._gateway.store.find(session["payment_intent"] or "")
        problem = intent["last_payment_error"] if intent else None
        return self._page("pay.html", session=session, problem=problem, quick=_QUICK, cards=methods.METHODS)

    def _pay(self, request: Request, session_id: str) -> Response:
        session = self._object(session_id, "checkout.session")
        if session is None:
            return self._gone("There is no such checkout.")
        form = request.form()
        here = _here(request, f"/pay/{session_id}")
        if form.get("action") == "cancel":
            return see_other(session["cancel_url"] or here)
        try:
            with self._gateway.acting():
                self._desks.checkout.pay(session, _method(form), _here(request, ""), form.get("email"))
        except StripeError:
            return see_other(here)  # the page shows why
        return see_other(self._after_try(session, here))

    def _after_try(self, session: Document, here: str) -> str:
        intent = self._gateway.store.known(session["payment_intent"])
        if intent["next_action"] is not None:
            return str(intent["next_action"]["redirect_to_url"]["url"])
        return after_payment(session) if session["status"] == "complete" else here

    def _challenge_page(self, request: Request, intent_id: str) -> Response:
        intent = self._object(intent_id, "payment_intent")
        if intent is None or intent["status"] != "requires_action":
            return self._gone("There is nothing to authenticate.")
        return self._page("challenge.html", intent=intent)

    def _answer_challenge(self, request: Request, intent_id: str) -> Response:
        intent = self._object(intent_id, "payment_intent")
        if intent is None or intent["status"] != "requires_action":
            return self._gone("There is nothing to authenticate.")
        session = self._gateway.store.find(intent.get("_session", ""))
        return_url = intent["next_action"]["redirect_to_url"]["return_url"]
        passed = self._authenticate(intent, session, request.form().get("outcome") == "complete")
        if session is not None:
            return see_other(after_payment(session) if passed else _here(request, f"/pay/{session['id']}"))
        return (
            see_other(_returned(return_url, intent, passed)) if return_url else self._gone("Done: go back to the shop.")
        )

    def _authenticate(self, intent: Document, session: Document | None, passed: bool) -> bool:
        try:
            with self._gateway.acting():
                if session is not None:
                    self._desks.checkout.authenticate(session, passed)
                else:
                    self._desks.payments.authenticate(intent, passed)
        except StripeError:
            return False
        return True

    def _onboarding_page(self, request: Request, token: str) -> Response:
        try:
            with self._gateway.acting():
                link = self._desks.links.open(token)
        except LookupError:
            return self._gone("There is no such account link.")
        if link is None:
            return see_other(self._desks.links.get(token).refresh_url)
        return self._page("onboarding.html", account=link.account, return_url=link.return_url)

    def _onboard(self, request: Request, token: str) -> Response:
        try:
            link = self._desks.links.get(token)
        except LookupError:
            return self._gone("There is no such account link.")
        state = request.form().get("state", "")
        if link.submitted or not link.opened:
            return see_other(link.refresh_url)
        if state in STATES and state != "new":
            with self._gateway.acting():
                self._desks.accounts.move(link.account, state)
        link.submitted = True
        return see_other(link.return_url)

    def _object(self, object_id: str, kind: str) -> Document | None:
        found = self._gateway.store.find(object_id)
        return found if found is not None and found["object"] == kind else None

    def _gone(self, message: str) -> Response:
        return self._page("gone.html", 404, message=message)

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        return html_response(self._templates.get_template(template).render(**values), status)


def after_payment(session: Document) -> str:
    """Return where the browser goes once a session is complete."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _here(request: Request, path: str) -> str:
    return f"http://{request.headers.get('host', '')}/stripe{path}"


def _method(form: dict[str, str]) -> Method:
    if form.get("method") == "bank":
        return _BANKS.get(form.get("bank", ""), methods.BANK)
    return methods.by_number(form.get("quick_card") or form.get("number", ""))


def _returned(return_url: str, intent: Document, passed: bool) -> str:
    joint = "&" if "?" in return_url else "?"
    result = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if passed else "failed",
    }
    return f"{return_url}{joint}{urlencode(result)}"
