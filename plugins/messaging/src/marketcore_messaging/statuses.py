"""Statuses: what somebody lets those know who are their contacts, and whose contact they are, for a day."""

from __future__ import annotations

from typing import Any

from sqlalchemy import TextClause, text

from marketcore.exceptions import Conflict, NotFound
from marketcore.media.services import MediaService
from marketcore_messaging.presenting import present_status

# Both have to know each other: nobody gets to see statuses, or to be seen, by adding strangers.
_VISIBLE = """s.author_id IN (
        SELECT mine.contact_id FROM messaging_contacts mine
        JOIN messaging_contacts theirs ON theirs.user_id = mine.contact_id AND theirs.contact_id = :user
        WHERE mine.user_id = :user)
    AND NOT EXISTS (SELECT 1 FROM messaging_blocks b
                    WHERE (b.user_id, b.blocked_id) IN ((s.author_id, :user), (:user, s.author_id)))"""
_COLUMNS = """s.id, s.author_id, s.body, s.created_at, s.expires_at, s.media_id, f.state, f.content_type, f.size_bytes,
    f.variants, u.id AS person_id, u.username, p.variants ->> 'thumb' AS picture"""


def _select(condition: str) -> TextClause:
    return text(
        f"""SELECT {_COLUMNS} FROM messaging_statuses s CROSS JOIN (SELECT market_clock() AS now OFFSET 0) c
            JOIN users u ON u.id = s.author_id
            LEFT JOIN media_objects p ON p.id = u.picture_id AND p.state = 'ready'
            LEFT JOIN media_objects f ON f.id = s.media_id
            WHERE s.expires_at > c.now AND {condition}"""
    )


_PAGES = {
    of: _select(f"{condition} AND s.id < :before ORDER BY s.id DESC LIMIT :limit")
    for of, condition in {"contacts": _VISIBLE, "mine": "s.author_id = :user"}.items()
}
_ONE = _select(f"s.id = :id AND (s.author_id = :user OR ({_VISIBLE}))")
_POST = text(
    """INSERT INTO messaging_statuses (author_id, body, created_at, expires_at)
       SELECT :user, :body, now, now + make_interval(hours => :hours)
       FROM (SELECT market_clock() AS now OFFSET 0) clock RETURNING id"""
)
_OWN = """SELECT s.id, s.media_id FROM messaging_statuses s
          WHERE s.id = :id AND s.author_id = :user AND s.expires_at > market_clock()"""
_LOOK, _LOCK = text(_OWN), text(f"{_OWN} FOR UPDATE")
_ILLUSTRATE = text("UPDATE messaging_statuses SET media_id = :media WHERE id = :id")
_DELETE = text("DELETE FROM messaging_statuses WHERE id = :id AND author_id = :user RETURNING media_id")
_EXPIRED = text(
    """DELETE FROM messaging_statuses WHERE id IN (
           SELECT id FROM messaging_statuses, (SELECT market_clock() AS now OFFSET 0) clock
           WHERE expires_at <= clock.now ORDER BY expires_at LIMIT 500 FOR UPDATE OF messaging_statuses SKIP LOCKED)
       RETURNING media_id"""
)
LAST = 2**63 - 1


class StatusService:
    """Statuses as ``user_id`` posts and sees them."""

    def __init__(self, session: Any, registry: Any, user_id: int, media: MediaService, hours: int) -> None:
        self._session = session
        self._registry = registry
        self._user = user_id
        self._media = media
        self._hours = hours

    def post(self, body: str) -> dict[str, Any]:
        """Post a status and return it."""
        values = {"user": self._user, "body": body, "hours": self._hours}
        return self.read(self._session.execute(_POST, values).scalar_one())

    def illustrate(self, status_id: int, data: bytes) -> dict[str, Any]:
        """Give a status of their own its image; ``Conflict`` if it has one."""
        self._own(_LOOK, status_id)
        upload = self._media.keep(data)
        if self._own(_LOCK, status_id).media_id is not None:
            raise Conflict("this status has an image already: post another one")
        media = self._media.record(self._user, upload, private=True)
        self._session.execute(_ILLUSTRATE, {"media": media.id, "id": status_id})
        return self.read(status_id)

    def _own(self, statement: TextClause, status_id: int) -> Any:
        row = self._session.execute(statement, {"id": status_id, "user": self._user}).first()
        if row is None:
            raise NotFound(f"you have no status {status_id}")
        return row

    def page(self, of: str, before: int | None, limit: int) -> list[Any]:
        """Return rows of statuses ``of`` their contacts, or their own (``mine``), newest first."""
        values = {"user": self._user, "before": LAST if before is None else before, "limit": limit}
        return list(self._session.execute(_PAGES[of], values))

    def present(self, row: Any) -> dict[str, Any]:
        """Return the document of a row."""
        return present_status(self._registry, row)

    def row(self, status_id: int) -> Any:
        """Return the row of one that they may see; ``NotFound``."""
        row = self._session.execute(_ONE, {"id": status_id, "user": self._user}).first()
        if row is None:
            raise NotFound(f"there is no status {status_id} for you")
        return row

    def read(self, status_id: int) -> dict[str, Any]:
        """Return one that they may see; ``NotFound``."""
        return self.present(self.row(status_id))

    def delete(self, status_id: int) -> None:
        """Take a status of their own back, with its image."""
        gone = self._session.execute(_DELETE, {"id": status_id, "user": self._user}).first()
        if gone is None:
            raise NotFound(f"you have no status {status_id}")
        self._media.discard(gone if gone.media_id else ())


def forget_expired(request: Any) -> None:
    """Delete the statuses whose time is up, with their images."""
    images = request.db.execute(_EXPIRED).scalars().all()
    request.find_service(MediaService).discard(image for image in images if image is not None)


def status_service(_context: Any, request: Any) -> StatusService:
    """Return the request's ``StatusService``."""
    from marketcore.settings import section

    hours = section(request.registry, "messaging")["status_hours"]
    media = request.find_service(MediaService)
    return StatusService(request.db, request.registry, request.identity.user_id, media, hours)
