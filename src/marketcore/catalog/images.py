"""The images of a product: added, ordered, removed by its seller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select, text

from marketcore.catalog.models import ProductImage
from marketcore.catalog.rules import check_order
from marketcore.catalog.services import ProductService, product_service
from marketcore.exceptions import Conflict, NotFound
from marketcore.media.models import MediaObject
from marketcore.media.services import MediaService
from marketcore.settings import section

# The positions are unique at the commit, not in between.
_ARRANGE = text(
    """UPDATE product_images i SET position = given.position
       FROM unnest(CAST(:order AS bigint[])) WITH ORDINALITY AS given (media_id, position)
       WHERE i.media_id = given.media_id"""
)


class ImageService:
    """Images in their order; every change holds the product's row, so that none is lost or one too many."""

    def __init__(self, session: Any, products: ProductService, media: MediaService, limit: int) -> None:
        self._session = session
        self._products = products
        self._media = media
        self._limit = limit

    def of(self, product_ids: Iterable[int]) -> dict[int, list[MediaObject]]:
        """Return the images of each of ``product_ids``, in order."""
        found: dict[int, list[MediaObject]] = {product_id: [] for product_id in product_ids}
        rows = self._session.execute(
            select(ProductImage.product_id, MediaObject)
            .join(MediaObject, MediaObject.id == ProductImage.media_id)
            .where(ProductImage.product_id.in_(found))
            .order_by(ProductImage.product_id, ProductImage.position)
        )
        for product_id, media in rows:
            found[product_id].append(media)
        return found

    def upload(self, product_id: int, seller_id: int, data: bytes) -> MediaObject:
        """Add an image after the others; ``Conflict`` when the product has as many as it may."""
        self._products.check_owner(seller_id, product_id)
        upload = self._media.keep(data)
        self._products.lock(seller_id, product_id)
        positions = select(func.count(), func.coalesce(func.max(ProductImage.position), 0))
        count, last = self._session.execute(positions.where(ProductImage.product_id == product_id)).one()
        if count >= self._limit:
            raise Conflict(f"a product has at most {self._limit} images: remove one first")
        media = self._media.record(seller_id, upload)
        self._session.add(ProductImage(media_id=media.id, product_id=product_id, position=last + 1))
        self._session.flush()
        return media

    def arrange(self, product_id: int, seller_id: int, order: Sequence[int]) -> list[MediaObject]:
        """Put the images into ``order`` and return them; it has to name each of them once."""
        self._products.lock(seller_id, product_id)
        check_order(order, [media.id for media in self.of([product_id])[product_id]])
        self._session.execute(_ARRANGE, {"order": list(order)})
        return self.of([product_id])[product_id]

    def remove(self, product_id: int, seller_id: int, media_id: int) -> None:
        """Remove one image and its files."""
        self._products.lock(seller_id, product_id)
        if media_id not in {media.id for media in self.of([product_id])[product_id]}:
            raise NotFound(f"product {product_id} has no image {media_id}")
        self._media.discard([media_id])


def image_service(context: Any, request: Any) -> ImageService:
    """Build the service of ``request``."""
    limit = section(request.registry, "catalog")["max_images"]
    return ImageService(request.db, product_service(context, request), request.find_service(MediaService), limit)
