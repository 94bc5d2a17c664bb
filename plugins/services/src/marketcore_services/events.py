"""Facts about services. That work is paid, processing or completed are facts about its order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceDecided:
    """Customers see a service (``approved``), or do not any more; ``reason`` says why not."""

    service_id: int
    vendor_id: int
    name: str
    approved: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceOrdered:
    """Somebody has ordered a variant of a service; its payment is awaited."""

    order_id: int
    service_id: int
    variant_id: int
    vendor_id: int
    buyer_id: int
