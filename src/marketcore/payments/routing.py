"""Which provider serves a payment: configuration alone decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from marketcore.directives import table
from marketcore.exceptions import ConfigurationError, Invalid
from marketcore.money import Money
from marketcore.payments.rules import candidates, refusal
from marketcore.payments.settings import read_routes
from marketcore.settings import section


class Routing:
    """The providers of this platform and the routes to them."""

    def __init__(self, providers: Mapping[str, Any], routes: Mapping[str, Sequence[str]]) -> None:
        self._providers = providers
        self._routes = routes

    def explain(self, amount: Money) -> list[tuple[str, str | None]]:
        """Return each provider that the routes name for ``amount``, with what speaks against it."""
        names = candidates(self._routes, amount.currency)
        return [(name, refusal(self._providers[name].capabilities, amount)) for name in names]

    def choose(self, amount: Money, wanted: str | None) -> Any:
        """Return the best provider for ``amount``, or the one ``wanted``; ``Invalid`` says why there is none."""
        verdicts = self.explain(amount)
        if wanted is not None:
            verdicts = [(name, why) for name, why in verdicts if name == wanted]
        for name, why in verdicts:
            if why is None:
                return self._providers[name]
        field = "provider" if wanted is not None else "reference"
        reasons = "; ".join(f"{name} {why}" for name, why in verdicts) or f"nobody serves {amount.currency} here"
        raise Invalid(f"{amount} cannot be paid: {reasons}", errors={field: reasons})

    def by_name(self, name: str) -> Any:
        """Return a provider, whether or not a route still leads to it."""
        return self._providers[name]


def check_routes(config: Any) -> None:
    """Build the routing; a route to a provider that does not exist stops the start."""
    providers = table(config.registry, "payment providers")
    routes = read_routes(section(config.registry, "payments").get("route", {}))
    for currency, names in routes.items():
        for name in names:
            if name not in providers:
                raise ConfigurationError(
                    f"payments.route.{currency} names {name!r}, which no enabled plugin provides "
                    f"(there are: {', '.join(sorted(providers)) or 'none'}): enable its plugin or change the route"
                )
    config.registry["payment_routing"] = Routing(providers, routes)
