"""Tickets: a browser cannot set headers on a WebSocket, and addresses get logged, so it sends one of these first.

A ticket is 32 random bytes, of which only the SHA-256 is stored; it lives 30 seconds and opens one socket.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, update

from marketcore.db import clock
from marketcore.live.models import LiveTicket

LIFETIME = timedelta(seconds=30)


class TicketService:
    """Issues and redeems tickets in the session's transaction."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def issue(self, user_id: int, session_id: UUID) -> str:
        """Return the text of a new ticket for this user and login session."""
        text = secrets.token_urlsafe(32)
        self._session.execute(
            insert(LiveTicket).values(
                token_hash=_digest(text),
                user_id=user_id,
                session_id=session_id,
                expires_at=clock.now(self._session) + LIFETIME,
            )
        )
        return text

    def redeem(self, text: str) -> tuple[int, UUID] | None:
        """Use the ticket up and return whose it is; ``None`` if it is unknown, used or too old."""
        row = self._session.execute(
            update(LiveTicket)
            .where(
                LiveTicket.token_hash == _digest(text),
                LiveTicket.used_at.is_(None),
                LiveTicket.expires_at > func.market_clock(),
            )
            .values(used_at=func.market_clock())
            .returning(LiveTicket.user_id, LiveTicket.session_id)
        ).first()
        return None if row is None else (row.user_id, row.session_id)

    def forget_expired(self) -> None:
        """Delete the tickets that nobody can redeem any more."""
        self._session.execute(delete(LiveTicket).where(LiveTicket.expires_at < func.market_clock()))


def ticket_service(_context: Any, request: Any) -> TicketService:
    """Make the service for ``request.find_service(TicketService)``."""
    return TicketService(request.db)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
