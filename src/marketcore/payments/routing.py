"""Which provider serves a payment: configuration alone decides."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from marketcore.directives import table
from marketcore.exceptions import ConfigurationError, Invalid
from marketcore.money import Money
from marketcore.payments.operations import check_providers
from marketcore.payments.rules import candidates, refusal
from marketcore.payments.settings import read_routes
from marketcore.settings import section

_ROUTE = re.compile(r"(?:\*|[A-Z]{3})(?:-[A-Z]{2})?")


class Routing:
    """The providers of this platform and the routes to them; ``draining`` ones begin nothing new."""

    def __init__(
        self, providers: Mapping[str, Any], routes: Mapping[str, Sequence[str]], draining: Collection[str] = ()
    ) -> None:
        self._providers = providers
        self._routes = routes
        self._draining = frozenset(draining)

    def explain(
        self, amount: Money, country: str | None = None, *, unfit: Collection[str] = ()
    ) -> list[tuple[str, str | None]]:
        """Return each provider that the routes name for ``amount``, with what speaks against it.

        Those in ``unfit`` cannot collect for what is paid.
        """
        names = candidates(self._routes, amount.currency, country)
        return [
            (name, "cannot collect for this" if name in unfit else self._objection(name, amount, country))
            for name in names
        ]

    def choose(
        self,
        amount: Money,
        wanted: str | None,
        *,
        country: str | None = None,
        without: Collection[str] = (),
        unfit: Collection[str] = (),
    ) -> Any:
        """Return the best provider for ``amount``, or the one ``wanted``; ``Invalid`` says why there is none."""
        verdicts = [verdict for verdict in self.explain(amount, country, unfit=unfit) if verdict[0] not in without]
        if wanted is not None:
            verdicts = [(name, why) for name, why in verdicts if name == wanted]
        for name, why in verdicts:
            if why is None:
                return self._providers[name]
        field = "provider" if wanted is not None else "reference"
        reasons = "; ".join(f"{name} {why}" for name, why in verdicts) or f"nobody serves {amount.currency} here"
        raise Invalid(f"{amount} cannot be paid: {reasons}", errors={field: reasons})

    def _objection(self, name: str, amount: Money, country: str | None) -> str | None:
        if name in self._draining:
            return "is being drained: it finishes what it has and begins nothing new"
        return refusal(self._providers[name].capabilities, amount, country)

    def by_name(self, name: str) -> Any:
        """Return a provider, whether or not a route still leads to it."""
        return self._providers[name]


def check_routes(config: Any) -> None:
    """Build the routing; a route to a provider that does not exist stops the start."""
    providers = table(config.registry, "payment providers")
    routes = read_routes(section(config.registry, "payments").get("route", {}))
    for currency, names in routes.items():
        if not _ROUTE.fullmatch(currency):
            raise ConfigurationError(
                f"payments.route.{currency}: a route is a currency, or `*`, and perhaps a country, such as KES, "
                "KES-UG or *-KE"
            )
        for name in names:
            if name not in providers:
                raise ConfigurationError(
                    f"payments.route.{currency} names {name!r}, which no enabled plugin provides "
                    f"(there are: {', '.join(sorted(providers)) or 'none'}): enable its plugin or change the route"
                )
    draining = section(config.registry, "payments")["drain"]
    for name in draining:
        if name not in providers:
            raise ConfigurationError(f"payments.drain names {name!r}, which no enabled plugin provides: take it out")
    config.registry["payment_routing"] = Routing(providers, routes, draining)
    check_providers(config)
