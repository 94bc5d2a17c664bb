"""The images of a service: added, ordered and removed by whoever manages it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text

from marketcore.catalog.rules import check_order
from marketcore.exceptions import Conflict, NotFound
from marketcore.media.models import MediaObject
from marketcore.media.services import MediaService
from marketcore.settings import section
from marketcore_services.models import Service, ServiceImage
from marketcore_services.rules import managed_by
from marketcore_services.services import ServiceDesk

# The positions are unique at the commit, not in between.
_ARRANGE = text(
    """UPDATE services_images i SET position = given.position
       FROM unnest(CAST(:order AS bigint[])) WITH ORDINALITY AS given (media_id, position)
       WHERE i.media_id = given.media_id"""
)


class ServiceImages:
    """Images in their order; every change holds the service's row."""

    def __init__(self, session: Any, desk: ServiceDesk, media: MediaService, limit: int) -> None:
        self._session = session
        self._desk = desk
        self._media = media
        self._limit = limit

    def upload(self, identity: Any, service_id: int, data: bytes) -> MediaObject:
        """Add an image after the others; ``Conflict`` when the service has as many as it may."""
        self._check_manager(identity, service_id)
        upload = self._media.keep(data)
        service = self._desk.lock(identity, service_id)
        positions = select(func.count(), func.coalesce(func.max(ServiceImage.position), 0))
        count, last = self._session.execute(positions.where(ServiceImage.service_id == service_id)).one()
        if count >= self._limit:
            raise Conflict(f"a service has at most {self._limit} images: remove one first")
        media = self._media.record(service.vendor_id, upload)
        self._session.add(ServiceImage(media_id=media.id, service_id=service_id, position=last + 1))
        self._session.flush()
        return media

    def arrange(self, identity: Any, service_id: int, order: Sequence[int]) -> list[MediaObject]:
        """Put the images into ``order`` and return them; it has to name each of them once."""
        self._desk.lock(identity, service_id)
        check_order(order, [media.id for media in self._of(service_id)])
        self._session.execute(_ARRANGE, {"order": list(order)})
        return self._of(service_id)

    def remove(self, identity: Any, service_id: int, media_id: int) -> None:
        """Remove one image and its files."""
        self._desk.lock(identity, service_id)
        if media_id not in {media.id for media in self._of(service_id)}:
            raise NotFound(f"service {service_id} has no image {media_id}")
        self._media.discard([media_id])

    def _of(self, service_id: int) -> list[MediaObject]:
        wanted = select(MediaObject).join(ServiceImage, ServiceImage.media_id == MediaObject.id)
        rows = wanted.where(ServiceImage.service_id == service_id).order_by(ServiceImage.position)
        return list(self._session.scalars(rows))

    def _check_manager(self, identity: Any, service_id: int) -> None:
        """Refuse strangers before anything of theirs is kept; no lock is taken."""
        vendor_id = self._session.scalar(select(Service.vendor_id).where(Service.id == service_id))
        if vendor_id is None or managed_by(identity) not in (None, vendor_id):
            raise NotFound(f"you have no service {service_id}")


def service_images(_context: Any, request: Any) -> ServiceImages:
    """Return the request's ``ServiceImages``."""
    limit = section(request.registry, "services")["max_images"]
    return ServiceImages(request.db, request.find_service(ServiceDesk), request.find_service(MediaService), limit)
