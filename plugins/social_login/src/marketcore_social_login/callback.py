"""Where providers send browsers back to: a page for them, and no part of the API that clients call."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config

from marketcore.exceptions import Malformed, MarketError, NotFound
from marketcore.settings import section
from marketcore_social_login.refusals import ConsentDenied, ProviderNotBelieved
from marketcore_social_login.rules import Person
from marketcore_social_login.services.flows import HANDOVER_SECONDS, FlowService, Returned
from marketcore_social_login.speaking import Speaker

_LONGEST = 4096


def speaker_of(request: Any) -> Speaker:
    """Return the speaker to the provider in the path; ``NotFound`` if it is not configured."""
    speaker: Speaker | None = request.registry["social_login_speakers"].get(request.matchdict["provider"])
    if speaker is None:
        raise NotFound("nobody logs in there")
    return speaker


def redirect_uri(request: Any, provider: str) -> str:
    """Return the one address that a provider may send browsers back to, whatever the request says of its host."""
    public_url = section(request.registry, "marketcore")["public_url"].rstrip("/")
    return f"{public_url}/api/v1/auth/social/{provider}/callback"


@view_config(route_name="social_login.callback", request_method="GET", permission="unidentified", rate_limit="login")
def come_back(request: Any) -> Any:
    """Take a browser back from a provider, and send it on with a code that opens nothing without the client's secret.

    Providers add parameters of their own to this address, so unknown ones are ignored here.
    """
    speaker, given = speaker_of(request), _read(request)
    flow = request.find_service(FlowService).come_back(speaker.name, given.get("state", ""))
    # Used from here on, whatever the provider says; and nobody waits for it within a transaction.
    request.tm.commit()
    try:
        person = _meet(request, speaker, flow, given)
    except MarketError as refusal:
        return _send_on(request, flow, refusal)
    finally:
        request.tm.begin()
    code = request.find_service(FlowService).hand_over(flow.id, person)
    return _onward(request, flow, {"code": code, "provider": speaker.name, "expires_in": HANDOVER_SECONDS})


def _meet(request: Any, speaker: Speaker, flow: Returned, given: dict[str, str]) -> Person:
    if "error" in given or "code" not in given:
        denied = given.get("error", "") == "access_denied"
        told = "you did not agree" if denied else "it has sent you back without a code"
        raise ConsentDenied(f"{speaker.title} says that {told}: begin again")
    # A code of one provider in the answer of another (RFC 9207).
    if speaker.issuer and given.get("iss", speaker.issuer) != speaker.issuer:
        raise ProviderNotBelieved("the answer is another provider's")
    return speaker.meet(given["code"], redirect_uri(request, speaker.name), flow.verifier, flow.nonce)


def _read(request: Any) -> dict[str, str]:
    try:
        pairs = [(name, value) for name, value in request.GET.items() if name in ("state", "code", "error", "iss")]
    except UnicodeDecodeError:
        raise Malformed("the query is not UTF-8") from None
    given = dict(pairs)
    if len(given) < len(pairs) or any(len(value) > _LONGEST for value in given.values()):
        raise Malformed("a parameter is given twice, or is too long")
    return given


def _send_on(request: Any, flow: Returned, refusal: MarketError) -> Any:
    if not flow.return_to:
        raise refusal
    return _onward(request, flow, {"error": refusal.code})


def _onward(request: Any, flow: Returned, told: dict[str, Any]) -> Any:
    guarded = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    if not flow.return_to:
        request.response.headers.update(guarded)
        return told
    joint = "&" if "?" in flow.return_to else "?"
    return HTTPSeeOther(f"{flow.return_to}{joint}{urlencode(told)}", headers=list(guarded.items()))
