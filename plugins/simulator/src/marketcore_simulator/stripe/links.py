"""Account links: single-use addresses of the onboarding page, good for a few minutes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from marketcore_simulator.stripe.errors import StripeError
from marketcore_simulator.stripe.gateway import Gateway
from marketcore_simulator.stripe.params import Params
from marketcore_simulator.stripe.store import Document

_KINDS = ("account_onboarding", "account_update")


@dataclass
class AccountLink:
    """One link; opening it uses it up, submitting the page it opened ends it."""

    token: str
    account: Document
    refresh_url: str
    return_url: str
    created: datetime
    expires_at: datetime
    opened: bool = False
    submitted: bool = False


class LinkDesk:
    """Make links and open them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._links: dict[str, AccountLink] = {}

    def create(self, account: Document, kind: str, urls: Params) -> AccountLink:
        """Make a link; refuse an unknown kind or missing addresses."""
        if kind not in _KINDS:
            raise StripeError(f"Invalid type: must be one of {', '.join(_KINDS)}", None, "type")
        refresh_url, return_url = urls.required_text("refresh_url"), urls.required_text("return_url")
        for name, url in (("refresh_url", refresh_url), ("return_url", return_url)):
            if not url.startswith(("http://", "https://")):
                raise StripeError("Not a valid URL", "url_invalid", urls.name(name))
        now = self._gateway.world.clock.now()
        lifetime = timedelta(seconds=self._gateway.world.settings.stripe_link_seconds)
        token = self._gateway.world.ids.letters("account link", 32)
        self._links[token] = AccountLink(token, account, refresh_url, return_url, now, now + lifetime)
        return self._links[token]

    def open(self, token: str) -> AccountLink | None:
        """Return the link on its first opening in time; None when the visitor must go to refresh_url."""
        link = self.get(token)
        if link.opened or link.expires_at <= self._gateway.world.clock.now():
            return None
        link.opened = True
        return link

    def get(self, token: str) -> AccountLink:
        """Return a link; raise LookupError when there never was one."""
        if token not in self._links:
            raise LookupError("there is no such account link")
        return self._links[token]

    def clear(self) -> None:
        """Forget every link."""
        self._links.clear()
