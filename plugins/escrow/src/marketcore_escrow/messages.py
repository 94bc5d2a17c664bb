"""Advertisements in outgoing webhooks, where the plugin ``webhooks`` is enabled: thin documents of ids and states."""

from __future__ import annotations

from typing import Any

from marketcore_escrow.events import AdvertisementChanged, ApplicationChanged

Told = tuple[str, dict[str, Any], tuple[int, ...]]


def tell_advertisement(fact: AdvertisementChanged) -> Told:
    """Tell the owner of a step of an advertisement."""
    data = {"advertisement_id": fact.advertisement_id, "state": fact.state}
    return "advertisement.changed", data, (fact.owner_id,)


def tell_application(fact: ApplicationChanged) -> Told:
    """Tell the owner and the applicant of a step of an application."""
    data = {"advertisement_id": fact.advertisement_id, "application_id": fact.application_id, "state": fact.state}
    return "advertisement.application_changed", data, (fact.owner_id, fact.applicant_id)


def includeme(config: Any) -> None:
    """Let webhooks tell of advertisements."""
    config.add_webhook_type(AdvertisementChanged, ["advertisement.changed"], tell_advertisement)
    config.add_webhook_type(ApplicationChanged, ["advertisement.application_changed"], tell_application)
