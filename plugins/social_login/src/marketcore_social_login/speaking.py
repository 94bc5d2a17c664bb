"""What is said to a provider: the address to log in at, and the exchange of a code for whom it let in.

OAuth 2.0 with PKCE (RFC 6749, RFC 7636), as RFC 9700 recommends, and OpenID Connect Core 1.0.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from requests import RequestException

from marketcore.exceptions import ConfigurationError, Unavailable
from marketcore_social_login.fetching import Bounded, bound
from marketcore_social_login.id_tokens import Keys, read_id_token
from marketcore_social_login.refusals import ProviderFailed, ProviderNotBelieved
from marketcore_social_login.rules import OIDC_FIELDS, Fields, Person, read_person

log = structlog.get_logger(__name__)
# Google writes its issuer in either form.
_OTHER_ISSUERS = {"https://accounts.google.com": ("accounts.google.com",)}
_FAILURES = (RequestException, AuthlibBaseError, ValueError, TypeError, KeyError, AttributeError)


class Speaker:
    """Speaks to one provider; never within a transaction. At most ``concurrent`` threads do so at once."""

    def __init__(self, name: str, settings: Mapping[str, Any], timeouts: Mapping[str, int], *, concurrent: int) -> None:
        self.name = name
        self.title: str = settings["title"]
        self.issuer: str = settings["issuer"]
        self._settings = settings
        self._timeouts = timeouts
        self._turn = threading.BoundedSemaphore(concurrent)
        self._keys = Keys(lambda: self._document(settings["jwks_url"]))

    def __repr__(self) -> str:
        return f"<Speaker {self.name}>"

    def authorization_url(self, redirect_uri: str, state: str, verifier: str, nonce: str) -> str:
        """Return where a browser has to go to log in."""
        more = {"nonce": nonce} if self._is_oidc else {}
        with self._session(redirect_uri) as session:
            url, _state = session.create_authorization_url(
                self._settings["authorization_url"], state=state, code_verifier=verifier, **more
            )
        return str(url)

    def meet(self, code: str, redirect_uri: str, verifier: str, nonce: str) -> Person:
        """Return whom the provider let in when it gave out ``code``.

        ``ProviderFailed`` where it does not answer well, ``ProviderNotBelieved`` where what it says is no proof.
        """
        if not self._turn.acquire(blocking=False):
            raise Unavailable(f"too many people are logging in with {self.title}: try again", retry_after=2)
        try:
            with self._session(redirect_uri) as session:
                token = self._token(session, code, verifier)
                return self._of_id_token(session, token, nonce) if self._is_oidc else self._of_document(session)
        finally:
            self._turn.release()

    def _token(self, session: Any, code: str, verifier: str) -> Mapping[str, Any]:
        with self._asking("token"):
            token = session.fetch_token(
                self._settings["token_url"], grant_type="authorization_code", code=code, code_verifier=verifier
            )
            if not isinstance(token.get("access_token"), str):
                raise ValueError("there is no access token")
        return dict(token)

    def _of_id_token(self, session: Any, token: Mapping[str, Any], nonce: str) -> Person:
        try:
            claims = read_id_token(
                token.get("id_token"),
                self._keys,
                issuers=(self.issuer, *_OTHER_ISSUERS.get(self.issuer, ())),
                client_id=self._settings["client_id"],
                nonce=nonce,
                algorithms=self._settings["algorithms"],
            )
            if "email" not in claims and self._settings["userinfo_url"]:
                claims = {**self._userinfo(session, claims["sub"]), **claims}
            return read_person(claims, OIDC_FIELDS, trust_email=self._settings["trust_email"])
        except ValueError as error:
            log.warning("provider_not_believed", provider=self.name, reason=str(error))
            raise ProviderNotBelieved(f"{self.title} has sent what proves nothing: try again") from None

    def _userinfo(self, session: Any, subject: str) -> Mapping[str, Any]:
        """Return what the provider tells beyond the id token, if it is about the same person (section 5.3.2)."""
        document = self._document(self._settings["userinfo_url"], session)
        if document.get("sub") != subject:
            raise ValueError("the document is about somebody else than the id token")
        return document

    def _of_document(self, session: Any) -> Person:
        document = self._document(self._settings["userinfo_url"], session)
        fields = Fields(*(self._settings[f"{name}_field"] for name in ("subject", "email", "first_name", "last_name")))
        try:
            return read_person(document, fields, trust_email=self._settings["trust_email"])
        except ValueError as error:
            log.warning("provider_not_believed", provider=self.name, reason=str(error))
            raise ProviderNotBelieved(f"{self.title} does not say who you are: try again") from None

    def _document(self, address: str, session: Any = None) -> Mapping[str, Any]:
        """Return a JSON object from the provider, asked for with the token of ``session``, or without any token."""
        if session is None:
            with self._session("") as own:
                return self._fetched(own, address, withhold_token=True)
        return self._fetched(session, address)

    def _fetched(self, session: Any, address: str, **options: Any) -> Mapping[str, Any]:
        with self._asking("document"):
            answer = session.get(address, **options)
            answer.raise_for_status()
            document = answer.json()
            if not isinstance(document, Mapping):
                raise ValueError("the answer is no JSON object")
        return document

    @contextmanager
    def _session(self, redirect_uri: str) -> Iterator[Any]:
        with OAuth2Session(
            self._settings["client_id"],
            self._settings["client_secret"],
            token_endpoint_auth_method=self._settings["client_auth"],
            scope=" ".join(self._settings["scopes"]),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        ) as session:
            bound(session, Bounded(**self._timeouts))
            yield session

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except _FAILURES as error:
            # Its words may hold what was sent; what kind of failure it was does not.
            reason = f"{what}: {type(error).__name__} {getattr(error, 'error', '') or ''}".strip()[:200]
            log.warning("provider_failed", provider=self.name, reason=reason)
            raise ProviderFailed(f"{self.title} does not answer as it should: try again in a while") from None

    @property
    def _is_oidc(self) -> bool:
        return bool(self._settings["kind"] == "oidc")


def build_speakers(settings: Mapping[str, Any], core: Mapping[str, Any], *, threads: int) -> dict[str, Speaker]:
    """Return a speaker for each configured provider, by name."""
    timeouts = {kind: settings[f"{kind}_timeout"] for kind in ("connect", "read", "total")}
    if core["environment"] == "production" and settings["providers"] and not core["public_url"].startswith("https://"):
        raise ConfigurationError(
            f"marketcore.public_url = {core['public_url']} cannot be used with social_login.providers: providers send "
            "browsers back to https addresses only; set the one of this marketplace"
        )
    # Half of the threads serve everybody else while a provider is slow.
    concurrent = max(1, threads // 2)
    return {name: Speaker(name, settings[name], timeouts, concurrent=concurrent) for name in settings["providers"]}
