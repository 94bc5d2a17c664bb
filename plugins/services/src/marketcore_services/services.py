"""Services and their variants: changed by their vendor or an admin, shown to customers once an admin approves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from marketcore.audit import actor_of, record
from marketcore.catalog.models import Category
from marketcore.db import clock
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.media.services import MediaService
from marketcore_services.events import ServiceDecided
from marketcore_services.models import Service, ServiceImage, Variant
from marketcore_services.rules import WORDS, managed_by

_UNIQUE_VIOLATION = "23505"
_NEW_WORDS = "its words have changed since it was approved"
_HOLD_CATEGORY = select(Category.id).with_for_update(read=True, key_share=True)
_DELETE_VARIANT = text("DELETE FROM services_variants WHERE id = :id")


class ServiceDesk:
    """What vendors do with their services, and admins with all: to other vendors they are not there.

    Every change holds the service's row, the changes of its variants too.
    """

    def __init__(
        self, session: Any, emit: Callable[[Any], None], media: MediaService, settings: Mapping[str, Any]
    ) -> None:
        self._session = session
        self._emit = emit
        self._media = media
        self._settings = settings

    def add(self, vendor_id: int, name: str, description: str = "", category_id: int | None = None) -> int:
        """Add a service, not approved yet, and return its id."""
        self._check_category(category_id)
        service = Service(vendor_id=vendor_id, name=name, description=description, category_id=category_id)
        self._session.add(service)
        self._session.flush()
        return service.id

    def change(self, identity: Any, service_id: int, change: Mapping[str, Any]) -> None:
        """Change name, description or category."""
        self._check_category(change.get("category_id"))
        service = self.lock(identity, service_id)
        self._words_change(identity, service, _differing(service, change))
        self._write(service, change)

    def remove(self, identity: Any, service_id: int) -> None:
        """Remove a service with its variants and images; what was ordered of it stays."""
        service = self.lock(identity, service_id)
        images = select(ServiceImage.media_id).where(ServiceImage.service_id == service_id)
        self._media.discard(list(self._session.scalars(images)))
        self._session.delete(service)
        self._session.flush()

    def decide(self, identity: Any, service_id: int, approved: bool, reason: str = "") -> None:
        """Approve a service, or take that back, as an admin: once in the audit log, once told to its vendor."""
        service = self.lock(identity, service_id)
        if service.approved == approved:
            return
        record(self._session, actor_of(identity), _act(approved), "service", service_id, reason=reason)
        self._decide(service, approved, "" if approved else reason)

    def add_variant(self, identity: Any, service_id: int, **fields: Any) -> int:
        """Add a variant to a service of one's own and return its id; ``Conflict`` for a name it has already."""
        service = self.lock(identity, service_id)
        if service.vendor_id != identity.user_id:
            raise NotFound(f"you have no service {service_id}")
        count = self._session.scalar(select(func.count()).where(Variant.service_id == service_id))
        if count >= self._settings["max_variants"]:
            raise Conflict(f"a service has at most {self._settings['max_variants']} variants: remove one first")
        self._words_change(identity, service, WORDS)
        variant = Variant(service_id=service_id, **_columns(fields))
        self._session.add(variant)
        self._flush_variant()
        return variant.id

    def change_variant(self, identity: Any, variant_id: int, change: Mapping[str, Any]) -> None:
        """Change a variant; orders keep the price and the words they were placed with."""
        service, variant = self._lock_variant(identity, variant_id)
        self._words_change(identity, service, _differing(variant, change))
        self._write(variant, _columns(change))

    def remove_variant(self, identity: Any, variant_id: int) -> None:
        """Remove a variant; what was ordered of it stays."""
        self._lock_variant(identity, variant_id)
        self._session.execute(_DELETE_VARIANT, {"id": variant_id})

    def lock(self, identity: Any, service_id: int) -> Service:
        """Return a service that ``identity`` manages with its row locked; ``NotFound`` for others'."""
        wanted = select(Service).where(Service.id == service_id).with_for_update()
        service: Service | None = self._session.scalar(wanted.execution_options(populate_existing=True))
        if service is None or managed_by(identity) not in (None, service.vendor_id):
            raise NotFound(f"you have no service {service_id}")
        return service

    def _lock_variant(self, identity: Any, variant_id: int) -> tuple[Service, Variant]:
        service_id = self._session.scalar(select(Variant.service_id).where(Variant.id == variant_id))
        service = self._lock_of(identity, service_id, variant_id)
        wanted = select(Variant).where(Variant.id == variant_id).with_for_update()
        variant = self._session.scalar(wanted.execution_options(populate_existing=True))
        if variant is None:
            raise NotFound(f"you have no service variant {variant_id}")
        return service, variant

    def _lock_of(self, identity: Any, service_id: int | None, variant_id: int) -> Service:
        try:
            return self.lock(identity, service_id or 0)
        except NotFound:
            raise NotFound(f"you have no service variant {variant_id}") from None

    def _words_change(self, identity: Any, service: Service, changed: frozenset[str]) -> None:
        """Take the approval away where what was approved is not what customers would read."""
        strict = self._settings["changes_need_approval"] and managed_by(identity) is not None
        if strict and service.approved and changed & WORDS:
            self._decide(service, False, _NEW_WORDS)

    def _decide(self, service: Service, approved: bool, reason: str) -> None:
        self._write(service, {"approved": approved, "reason": reason})
        self._emit(ServiceDecided(service.id, service.vendor_id, service.name, approved, reason))

    def _write(self, row: Service | Variant, change: Mapping[str, Any]) -> None:
        for name, value in change.items():
            setattr(row, name, value)
        if isinstance(row, Service):
            row.updated_at = clock.now(self._session)
        self._flush_variant()

    def _flush_variant(self) -> None:
        with _named_once():
            self._session.flush()

    def _check_category(self, category_id: int | None) -> None:
        """Hold the category until the commit, so that it cannot be deleted meanwhile."""
        wanted = _HOLD_CATEGORY.where(Category.id == category_id)
        if category_id is not None and self._session.scalar(wanted) is None:
            raise Invalid(errors={"category_id": f"there is no category {category_id}"})


@contextmanager
def _named_once() -> Any:
    try:
        yield
    except IntegrityError as error:
        if getattr(error.orig, "sqlstate", "") == _UNIQUE_VIOLATION:
            raise Conflict("the service has a variant of this name already") from None
        raise


def _act(approved: bool) -> str:
    return "services.approve" if approved else "services.unapprove"


def _differing(row: Any, change: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(name for name in WORDS & change.keys() if change[name] != getattr(row, name))


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a variant's validated fields."""
    columns = {name: value for name, value in fields.items() if name != "price"}
    if "price" in fields:
        columns |= {"currency": fields["price"].currency, "price_minor": fields["price"].minor}
    return columns


def service_desk(_context: Any, request: Any) -> ServiceDesk:
    """Return the request's ``ServiceDesk``."""
    from marketcore.settings import section

    media = request.find_service(MediaService)
    return ServiceDesk(request.db, request.emit, media, section(request.registry, "services"))
