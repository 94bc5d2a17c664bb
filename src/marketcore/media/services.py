"""Taking uploads in, turning them into public images, and forgetting both."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, select, update

from marketcore.db import clock
from marketcore.identity.models import User
from marketcore.media import imaging
from marketcore.media.models import MediaObject
from marketcore.media.rules import (
    IMAGES,
    INCOMING,
    PDF,
    PRIVATE,
    VARIANTS,
    document_path,
    incoming_path,
    is_pdf,
    key_of,
    orphans,
    variant_paths,
)
from marketcore.media.store import MediaStore
from marketcore.settings import section

log = structlog.get_logger(__name__)
ORPHAN_AGE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Upload:
    """A checked file that lies in the store and has no row yet."""

    key: str
    header: imaging.Header
    size_bytes: int


class MediaService:
    """Uploads and their rows. ``after_commit(function, *arguments)`` runs what must wait for the commit."""

    def __init__(
        self,
        session: Any,
        store: MediaStore,
        enqueue: Callable[..., Any],
        after_commit: Callable[..., None],
        max_pixels: int,
    ) -> None:
        self._session = session
        self._store = store
        self._enqueue = enqueue
        self._after_commit = after_commit
        self._max_pixels = max_pixels

    def keep(self, data: bytes, *, documents: bool = False) -> Upload:
        """Check ``data`` and put it into the store under a private name; call this before taking any lock.

        It has to be an image or, with ``documents``, may be a PDF, which can only be recorded as private. ``Invalid``
        names what is wrong. An upload whose transaction fails is swept away a day later.
        """
        pdf = documents and is_pdf(data)
        header = imaging.Header(PDF, 0, 0) if pdf else imaging.read_header(data, self._max_pixels)
        upload = Upload(secrets.token_hex(16), header, len(data))
        self._store.put(document_path(upload.key) if pdf else incoming_path(upload.key), data)
        return upload

    def record(self, owner_id: int, upload: Upload, *, private: bool = False) -> MediaObject:
        """Write the row of ``upload`` and the job that makes its variants; return the row.

        A ``private`` file gets no public address: serve it with ``marketcore.media.private.private_response`` to
        those who may see it.
        """
        pdf = upload.header.content_type == PDF
        if pdf and not private:
            raise ValueError("a PDF is recorded as private: nobody has looked at what is in it")
        media = MediaObject(
            owner_id=owner_id,
            key=upload.key,
            state="ready" if pdf else "processing",
            content_type=upload.header.content_type,
            width=upload.header.width,
            height=upload.header.height,
            size_bytes=upload.size_bytes,
            private=private,
            variants={"document": document_path(upload.key)} if pdf else {},
        )
        self._session.add(media)
        self._session.flush()
        if not pdf:
            self._enqueue("media.make_variants", media_id=media.id)
        return media

    def discard(self, media_ids: Iterable[int]) -> None:
        """Delete the rows of ``media_ids`` and, once that is certain, their files."""
        gone = delete(MediaObject).where(MediaObject.id.in_(list(media_ids)))
        statement = gone.returning(MediaObject.key, MediaObject.private)
        for key, private in self._session.execute(statement).all():
            paths = [*variant_paths(key, private=private).values(), *([document_path(key)] if private else [])]
            self._after_commit(self._store.delete, incoming_path(key), *paths)

    def set_picture(self, user_id: int, data: bytes) -> MediaObject:
        """Make ``data`` the profile picture of ``user_id``, in place of the one before."""
        upload = self.keep(data)
        previous = self._lock_picture(user_id)
        media = self.record(user_id, upload)
        self._session.execute(update(User).where(User.id == user_id).values(picture_id=media.id))
        self.discard(previous)
        return media

    def remove_picture(self, user_id: int) -> None:
        """Leave ``user_id`` without a profile picture."""
        self.discard(self._lock_picture(user_id))

    def picture(self, user_id: int) -> MediaObject | None:
        """Return the profile picture of ``user_id``."""
        found: MediaObject | None = self._session.scalar(
            select(MediaObject).join(User, User.picture_id == MediaObject.id).where(User.id == user_id)
        )
        return found

    def _lock_picture(self, user_id: int) -> list[int]:
        picture_id = self._session.scalar(select(User.picture_id).where(User.id == user_id).with_for_update())
        return [picture_id] if picture_id else []


class VariantService:
    """What the jobs do: variants from uploads, and no file without a row."""

    def __init__(self, session: Any, store: MediaStore, after_commit: Callable[..., None]) -> None:
        self._session = session
        self._store = store
        self._after_commit = after_commit

    def make(self, media_id: int) -> str | None:
        """Re-encode the upload of ``media_id`` and return its new state; again it writes the same files or nothing.

        Files are written before the row says so and without holding it; the upload goes after the commit. ``None``
        where this was done before.
        """
        media = self._session.get(MediaObject, media_id)
        if media is None:
            return None
        state = self._finish(media_id, self._encode(media)) if media.state == "processing" else None
        self._after_commit(self._store.delete, incoming_path(media.key))
        return state

    def _encode(self, media: MediaObject) -> dict[str, Any]:
        data = self._store.get(incoming_path(media.key))
        try:
            if data is None:
                raise imaging.Unreadable("the upload is not in the store")
            made = imaging.make_variants(data, VARIANTS)
        except imaging.Unreadable as error:
            log.warning("image_unreadable", media_id=media.id, reason=str(error))
            return {"state": "failed"}
        paths = variant_paths(media.key, private=media.private)
        for name, variant in made.items():
            self._store.put(paths[name], variant.data)
        return {"state": "ready", "variants": paths, "width": made["large"].width, "height": made["large"].height}

    def _finish(self, media_id: int, values: dict[str, Any]) -> str | None:
        waiting = update(MediaObject).where(MediaObject.id == media_id, MediaObject.state == "processing")
        state: str | None = self._session.scalar(waiting.values(**values).returning(MediaObject.state))
        return state

    def sweep(self) -> int:
        """Delete files older than a day that no row needs; return how many."""
        before = clock.now(self._session) - ORPHAN_AGE
        prefixes = (INCOMING, IMAGES, PRIVATE)
        return sum(self._sweep_batch(paths) for prefix in prefixes for paths in self._store.older(prefix, before))

    def _sweep_batch(self, paths: list[str]) -> int:
        keys = {key_of(path) for path in paths}
        rows = self._session.execute(select(MediaObject.key, MediaObject.state).where(MediaObject.key.in_(keys)))
        unwanted = orphans(paths, {row.key: row.state for row in rows})
        self._store.delete(*unwanted)
        return len(unwanted)


def media_service(_context: Any, request: Any) -> MediaService:
    """Build the service of ``request``."""
    return MediaService(
        request.db,
        request.registry["media_store"],
        request.enqueue,
        _after_commit(request),
        section(request.registry, "media")["max_pixels"],
    )


def variant_service(_context: Any, request: Any) -> VariantService:
    """Build the service of ``request``."""
    return VariantService(request.db, request.registry["media_store"], _after_commit(request))


def _after_commit(request: Any) -> Callable[..., None]:
    def after_commit(function: Callable[..., None], *arguments: Any) -> None:
        request.tm.get().addAfterCommitHook(_if_committed, args=(function, *arguments))

    return after_commit


def _if_committed(committed: bool, function: Callable[..., None], *arguments: Any) -> None:
    if committed:
        function(*arguments)
