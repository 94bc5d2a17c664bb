"""Seller profiles: kept by their owners, vouched for by admins, rated by buyers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert

from marketcore.db import clock
from marketcore.events import SellerVerified
from marketcore.exceptions import Conflict, NotFound
from marketcore.identity.models import User
from marketcore.media.models import MediaObject
from marketcore.media.services import MediaService
from marketcore.settings import section
from marketcore_vendors.models import VendorProfile, VendorRating
from marketcore_vendors.rules import check_judge, check_proofs
from marketcore_vendors.telling import Teller

_APPROVED = text(
    """SELECT kind FROM vendors_documents
       WHERE user_id = :user AND state = 'approved' AND (expires_on IS NULL OR expires_on >= CAST(:today AS date))"""
)
_RATE = text(
    """INSERT INTO vendors_ratings (user_id, average, count) VALUES (:user, :average, :count)
       ON CONFLICT (user_id) DO UPDATE SET average = excluded.average, count = excluded.count"""
)


class VendorService:
    """Profiles. Who may do what with them has been decided by the caller (``rules.check_vendor``)."""

    def __init__(
        self,
        session: Any,
        media: MediaService,
        teller: Teller,
        emit: Callable[[Any], None],
        required: Collection[str] = (),
    ) -> None:
        self._session = session
        self._media = media
        self._teller = teller
        self._emit = emit
        self._required = required

    def create(self, user_id: int, fields: Mapping[str, Any]) -> None:
        """Write the profile of ``user_id``; ``Conflict`` if there is one."""
        new = insert(VendorProfile).values(user_id=user_id, **fields).on_conflict_do_nothing()
        if self._session.execute(new.returning(VendorProfile.user_id)).first() is None:
            raise Conflict("you have a profile already: change that one")

    def change(self, vendor_id: int, fields: Mapping[str, Any]) -> None:
        """Set ``fields`` of a profile."""
        profile = self._lock(vendor_id)
        for name, value in fields.items():
            setattr(profile, name, value)
        profile.updated_at = clock.now(self._session)
        self._session.flush()

    def delete(self, vendor_id: int) -> None:
        """Remove a profile and its picture; a verified vendor stops being one. Papers and ratings stay."""
        profile = self._lock(vendor_id)
        verified, picture = profile.verified_at is not None, profile.picture_id
        self._session.delete(profile)
        self._session.flush()
        self._media.discard([picture] if picture else [])
        if verified:
            self._tell(vendor_id, False, "the profile was removed")

    def read(self, vendor_id: int) -> Any:
        """Return ``(VendorProfile, username, VendorRating or None, MediaObject or None)``; ``NotFound`` without one."""
        row = self._session.execute(_whole().where(VendorProfile.user_id == vendor_id)).first()
        if row is None:
            raise _nobody(vendor_id)
        return row

    def page(self, owner_id: int | None, *, verified: bool | None, after: int, limit: int) -> list[Any]:
        """Return up to ``limit`` rows (see ``read``) of one owner or of all (``None``), ids above ``after``."""
        wanted = _whole().where(VendorProfile.user_id > after).order_by(VendorProfile.user_id).limit(limit)
        if owner_id is not None:
            wanted = wanted.where(VendorProfile.user_id == owner_id)
        if verified is not None:
            wanted = wanted.where(VendorProfile.verified_at.is_not(None) == verified)
        return list(self._session.execute(wanted))

    def set_picture(self, vendor_id: int, data: bytes) -> MediaObject:
        """Make ``data`` the picture of a profile, in place of the one before."""
        self.read(vendor_id)
        upload = self._media.keep(data)
        profile = self._lock(vendor_id)
        previous, media = profile.picture_id, self._media.record(vendor_id, upload)
        profile.picture_id = media.id
        self._session.flush()
        self._media.discard([previous] if previous else [])
        return media

    def remove_picture(self, vendor_id: int) -> None:
        """Leave a profile without a picture."""
        profile = self._lock(vendor_id)
        previous, profile.picture_id = profile.picture_id, None
        self._session.flush()
        self._media.discard([previous] if previous else [])

    def verify(self, vendor_id: int, admin_id: int, *, verified: bool, reason: str) -> bool:
        """Vouch for a vendor, or stop to; return whether that was a change. What is so already tells nobody.

        ``Conflict`` names the papers that are asked for and missing; ``Forbidden`` about oneself.
        """
        check_judge(admin_id, vendor_id)
        profile = self._lock(vendor_id)
        if (profile.verified_at is not None) == verified:
            return False
        now = clock.now(self._session)
        if verified:
            approved = self._session.scalars(_APPROVED, {"user": vendor_id, "today": now.date()})
            check_proofs(self._required, set(approved))
        profile.verified_at, profile.verified_by = (now, admin_id) if verified else (None, None)
        self._session.flush()
        self._tell(vendor_id, verified, reason)
        return True

    def rate(self, user_id: int, average: int, count: int) -> None:
        """Keep what buyers think of a seller: ``average`` in hundredths of a star, of ``count`` ratings."""
        self._session.execute(_RATE, {"user": user_id, "average": average, "count": count})

    def _tell(self, vendor_id: int, verified: bool, reason: str) -> None:
        self._teller.tell_verification(vendor_id, verified, reason)
        self._emit(SellerVerified(vendor_id, verified))

    def _lock(self, vendor_id: int) -> VendorProfile:
        wanted = select(VendorProfile).where(VendorProfile.user_id == vendor_id)
        profile: VendorProfile | None = self._session.scalar(
            wanted.with_for_update(of=VendorProfile).execution_options(populate_existing=True)
        )
        if profile is None:
            raise _nobody(vendor_id)
        return profile


def _whole() -> Select[VendorProfile, str, VendorRating, MediaObject]:
    return (
        select(VendorProfile, User.username, VendorRating, MediaObject)
        .join(User, User.id == VendorProfile.user_id)
        .outerjoin(VendorRating, VendorRating.user_id == VendorProfile.user_id)
        .outerjoin(MediaObject, MediaObject.id == VendorProfile.picture_id)
        .execution_options(populate_existing=True)
    )


def _nobody(vendor_id: int) -> NotFound:
    return NotFound(f"vendor {vendor_id} has no profile")


def vendor_service(_context: Any, request: Any) -> VendorService:
    """Return the request's ``VendorService``."""
    return VendorService(
        request.db,
        request.find_service(MediaService),
        request.find_service(Teller),
        request.emit,
        section(request.registry, "vendors")["verification_requires"],
    )
