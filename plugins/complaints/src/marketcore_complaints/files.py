"""Files that are put before the parties of a complaint."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text

from marketcore.exceptions import Conflict, NotFound
from marketcore.media.models import MediaObject
from marketcore.media.services import MediaService
from marketcore_complaints.models import ComplaintFile
from marketcore_complaints.rules import check_open, part_of
from marketcore_complaints.services import ComplaintService

_COUNT = text("SELECT count(*) FROM complaints_files WHERE complaint_id = :id")
_READ = text("SELECT * FROM complaints_complaints WHERE id = :id")


class ComplaintFiles:
    """Keeps files private to those who take part in a complaint."""

    def __init__(self, session: Any, complaints: ComplaintService, media: MediaService, limit: int) -> None:
        self._session = session
        self._complaints = complaints
        self._media = media
        self._limit = limit

    def add(self, complaint_id: int, identity: Any, data: bytes) -> MediaObject:
        """Put an image or a PDF before the others; ``Conflict`` once the complaint has ended or has enough files."""
        self._check(complaint_id, identity)
        upload = self._media.keep(data, documents=True)
        complaint = self._complaints.lock(complaint_id)
        check_open(complaint)
        if self._session.execute(_COUNT, {"id": complaint_id}).scalar_one() >= self._limit:
            raise Conflict(f"a complaint has at most {self._limit} files")
        media = self._media.record(identity.user_id, upload, private=True)
        self._session.add(ComplaintFile(media_id=media.id, complaint_id=complaint_id, author_id=identity.user_id))
        self._session.flush()
        return media

    def read(self, complaint_id: int, media_id: int, identity: Any) -> MediaObject:
        """Return a file of a complaint that ``identity`` takes part in; ``NotFound`` for anybody else."""
        self._check(complaint_id, identity)
        media: MediaObject | None = self._session.scalar(_files_of(complaint_id).where(MediaObject.id == media_id))
        if media is None:
            raise NotFound(f"complaint {complaint_id} has no file {media_id}")
        return media

    def of(self, complaint_id: int) -> list[MediaObject]:
        """Return a complaint's files in the order in which they came; the caller has decided who may see them."""
        return list(self._session.scalars(_files_of(complaint_id).order_by(MediaObject.id)))

    def _check(self, complaint_id: int, identity: Any) -> None:
        complaint = self._session.execute(_READ, {"id": complaint_id}).first()
        if complaint is None:
            raise NotFound(f"there is no complaint {complaint_id} of yours")
        part_of(complaint, identity)


def _files_of(complaint_id: int) -> Any:
    return (
        select(MediaObject)
        .join(ComplaintFile, ComplaintFile.media_id == MediaObject.id)
        .where(ComplaintFile.complaint_id == complaint_id)
    )


def complaint_files(_context: Any, request: Any) -> ComplaintFiles:
    """Return the request's ``ComplaintFiles``."""
    from marketcore.settings import section

    limit = section(request.registry, "complaints")["max_files"]
    media = request.find_service(MediaService)
    return ComplaintFiles(request.db, request.find_service(ComplaintService), media, limit)
