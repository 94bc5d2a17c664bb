"""Facts about advertisements, told within the transaction in which they happen."""

from __future__ import annotations

from dataclasses import dataclass

from marketcore.money import Money


@dataclass(frozen=True, slots=True)
class AdvertisementChanged:
    """An advertisement took one step (see ``AdvertisementState``); ``returned`` has gone back to its owner so far."""

    advertisement_id: int
    owner_id: int
    previous: str
    state: str
    budget: Money
    returned: Money


@dataclass(frozen=True, slots=True)
class ApplicationChanged:
    """An application took one step (see ``ApplicationState``); ``applied`` has the previous state ``new``.

    ``share`` is reserved, or was; ``released`` of it has been released, commission included. ``actor_id`` is ``None``
    where the platform acted.
    """

    application_id: int
    advertisement_id: int
    owner_id: int
    applicant_id: int
    previous: str
    state: str
    share: Money | None
    released: Money | None
    note: str
    actor_id: int | None
