"""How other plugins let their facts be told: ``config.add_webhook_type``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marketcore.exceptions import ConfigurationError
from marketcore_webhooks.rules.messages import LONGEST_TYPE, TYPES, Told, tellers
from marketcore_webhooks.subscribers import write_message


def add_webhook_type(config: Any, fact: type, types: Iterable[str], tell: Any) -> None:
    """Tell endpoints of every ``fact``, a class of events, as one of ``types``.

    ``tell(fact)`` returns ``(type, data, parties)``: which of ``types`` it is, ids and states as JSON, and the ids of
    the users it concerns; admins' platform-wide endpoints are told of everything. A fact or type that is told already
    stops the start.
    """
    tell, types = config.maybe_dotted(tell), tuple(types)
    for type in types:
        if len(type) > LONGEST_TYPE:
            raise ConfigurationError(f"the webhook type {type!r} is longer than {LONGEST_TYPE} characters")
        if type in TYPES:
            raise ConfigurationError(f"the webhook type {type!r} is told of already: choose another name")
        config.action(("webhook type", type))

    def register() -> None:
        config.registry["webhook tellers"][fact] = lambda happened: Told(*tell(happened))
        config.registry["webhook types"].extend(types)

    config.action(("webhook fact", fact), register)
    config.add_event_subscriber(write_message, fact)


def includeme(config: Any) -> None:
    """Add the directive, and the core's facts."""
    config.registry["webhook tellers"] = tellers()
    config.registry["webhook types"] = list(TYPES)
    config.add_directive("add_webhook_type", add_webhook_type)
