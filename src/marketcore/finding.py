"""``request.find_service``: the services of a request, each made when it is first asked for."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from marketcore.directives import service_name, table

S = TypeVar("S")
_MADE = "marketcore services"


def find_service(request: Any, service: type[S]) -> S:
    """Return the request's ``service``, the same one each time; ``LookupError`` for one that nobody registered."""
    made = request.__dict__.setdefault(_MADE, {})
    if service not in made:
        name = service_name(service)
        factory = table(request.registry, "services").get(name)
        if factory is None:
            raise LookupError(
                f"no service {name} is registered: enable its plugin, or add config.register_service_factory"
            )
        made[service] = factory(None, request)
    return cast("S", made[service])


def includeme(config: Any) -> None:
    """Add ``request.find_service``."""
    config.add_request_method(find_service)
