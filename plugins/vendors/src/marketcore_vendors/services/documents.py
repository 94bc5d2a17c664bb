"""Papers that prove who a vendor is: submitted, reviewed, and valid until they expire."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update

from marketcore.db import clock
from marketcore.exceptions import Conflict, Invalid, NotFound
from marketcore.media.models import MediaObject
from marketcore.media.services import MediaService
from marketcore.settings import section
from marketcore_vendors.events import KycDocumentChanged
from marketcore_vendors.models import KycDocument
from marketcore_vendors.rules import (
    MAX_DOCUMENTS,
    DocumentState,
    check_expiry,
    check_judge,
    check_withdrawal,
    decided,
)
from marketcore_vendors.telling import Teller

_LOCK_OWNER = text("SELECT id FROM users WHERE id = :user FOR NO KEY UPDATE")
_D = DocumentState


class DocumentService:
    """Papers of vendors and their review."""

    def __init__(
        self,
        session: Any,
        media: MediaService,
        teller: Teller,
        emit: Callable[[Any], None],
        kinds: Collection[str],
    ) -> None:
        self._session = session
        self._media = media
        self._teller = teller
        self._emit = emit
        self._kinds = kinds

    def submit(self, user_id: int, kind: str, expires_on: date | None, data: bytes) -> int:
        """Keep ``data``, an image or a PDF, as a paper to be reviewed; return its id.

        ``Invalid`` for an unknown kind, a paper that is over and a file of another sort; ``Conflict`` while one of
        the kind waits for its review, and where there are enough.
        """
        if kind not in self._kinds:
            raise Invalid(errors={"kind": f"must be one of {', '.join(self._kinds)}"})
        check_expiry(expires_on, clock.now(self._session).date())
        upload = self._media.keep(data, documents=True)
        self._session.execute(_LOCK_OWNER, {"user": user_id})
        self._check_room(user_id, kind)
        media = self._media.record(user_id, upload, private=True)
        paper = KycDocument(user_id=user_id, kind=kind, media_id=media.id, state=_D.SUBMITTED, expires_on=expires_on)
        self._session.add(paper)
        self._session.flush()
        self._emit(KycDocumentChanged(paper.id, user_id, kind, str(_D.SUBMITTED)))
        return paper.id

    def withdraw(self, document_id: int, user_id: int) -> None:
        """Forget a paper of the user's that is not decided about or was rejected, and its file."""
        paper, _media = self.read(document_id, user_id, lock=True)
        check_withdrawal(paper.state)
        self._session.execute(delete(KycDocument).where(KycDocument.id == paper.id))
        self._media.discard([paper.media_id])

    def decide(
        self, document_id: int, admin_id: int, *, approve: bool, reason: str, expires_on: date | None
    ) -> KycDocument:
        """Approve or reject a submitted paper and return it; approving one replaces the one before of its kind.

        ``expires_on`` corrects what its owner has said. ``Conflict`` where the file cannot be looked at.
        """
        paper, media = self.read(document_id, None, lock=True)
        check_judge(admin_id, paper.user_id)
        target = decided(paper.state, approve=approve, reason=reason)
        now = clock.now(self._session)
        if approve:
            if media.state != "ready":
                raise Conflict(f"the file is {media.state}: nobody can have looked at it", reason=f"file-{media.state}")
            paper.expires_on = expires_on or paper.expires_on
            check_expiry(paper.expires_on, now.date())
            self._replace(paper)
        paper.state, paper.reason, paper.decided_by, paper.decided_at = str(target), reason, admin_id, now
        self._session.flush()
        self._tell(paper, str(target))
        return paper

    def read(self, document_id: int, user_id: int | None, *, lock: bool = False) -> tuple[KycDocument, MediaObject]:
        """Return a paper and its file, for its owner or, with ``None``, for an admin; ``NotFound`` for others."""
        wanted = select(KycDocument, MediaObject).join(MediaObject, MediaObject.id == KycDocument.media_id)
        wanted = wanted.where(KycDocument.id == document_id).execution_options(populate_existing=True)
        row = self._session.execute(wanted.with_for_update(of=KycDocument) if lock else wanted).first()
        if row is None or user_id not in (None, row.KycDocument.user_id):
            raise NotFound(f"there is no paper {document_id} of yours")
        return row.KycDocument, row.MediaObject

    def page(self, user_id: int | None, *, state: str | None, after: int, limit: int) -> list[Any]:
        """Return up to ``limit`` papers with their files, oldest first, of one user or of all (``None``)."""
        wanted = select(KycDocument, MediaObject).join(MediaObject, MediaObject.id == KycDocument.media_id)
        wanted = wanted.where(KycDocument.id > after).order_by(KycDocument.id).limit(limit)
        if user_id is not None:
            wanted = wanted.where(KycDocument.user_id == user_id)
        if state is not None:
            wanted = wanted.where(KycDocument.state == state)
        return list(self._session.execute(wanted))

    def expire_due(self, limit: int) -> int:
        """Let at most ``limit`` papers expire whose last day is over, and tell their owners; return how many."""
        today = clock.now(self._session).date()
        due = self._due(KycDocument.expires_on < today, limit)
        for paper in due:
            paper.state = str(_D.EXPIRED)
            self._tell(paper, "expired")
        self._session.flush()
        return len(due)

    def warn_due(self, limit: int, days: int) -> int:
        """Tell the owners of at most ``limit`` papers, once each, that they expire within ``days``; return how many."""
        now = clock.now(self._session)
        near = (KycDocument.expires_on <= now.date() + timedelta(days=days)) & KycDocument.warned_at.is_(None)
        due = self._due(near, limit)
        for paper in due:
            paper.warned_at = now
            self._tell(paper, "expiring")
        self._session.flush()
        return len(due)

    def _due(self, condition: Any, limit: int) -> list[KycDocument]:
        wanted = select(KycDocument).where(KycDocument.state == _D.APPROVED, condition)
        wanted = wanted.order_by(KycDocument.id).limit(limit).with_for_update(skip_locked=True)
        return list(self._session.scalars(wanted.execution_options(populate_existing=True)))

    def _check_room(self, user_id: int, kind: str) -> None:
        own = select(func.count(), func.count().filter(KycDocument.kind == kind, KycDocument.state == _D.SUBMITTED))
        count, waiting = self._session.execute(own.where(KycDocument.user_id == user_id)).one()
        if waiting:
            raise Conflict(f"a paper of the kind {kind} waits for its review: withdraw it or wait")
        if count >= MAX_DOCUMENTS:
            raise Conflict(f"you have {MAX_DOCUMENTS} papers here, which is the most: withdraw rejected ones")

    def _replace(self, paper: KycDocument) -> None:
        before = (
            KycDocument.user_id == paper.user_id,
            KycDocument.kind == paper.kind,
            KycDocument.state == _D.APPROVED,
        )
        replaced = update(KycDocument).where(*before).values(state=str(_D.REPLACED)).returning(KycDocument.id)
        for document_id in self._session.scalars(replaced).all():
            self._emit(KycDocumentChanged(document_id, paper.user_id, paper.kind, str(_D.REPLACED)))

    def _tell(self, paper: KycDocument, step: str) -> None:
        self._teller.tell_paper(paper, step)
        self._emit(KycDocumentChanged(paper.id, paper.user_id, paper.kind, step))


def document_service(_context: Any, request: Any) -> DocumentService:
    """Return the request's ``DocumentService``."""
    return DocumentService(
        request.db,
        request.find_service(MediaService),
        request.find_service(Teller),
        request.emit,
        section(request.registry, "vendors")["kyc_kinds"],
    )
