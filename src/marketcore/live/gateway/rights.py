"""Who somebody is and what they may hear: blocking questions to the database, asked in threads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from marketcore.db.session import perform, work
from marketcore.directives import table
from marketcore.exceptions import MarketError
from marketcore.live.channels import Match
from marketcore.live.history import read_streams
from marketcore.live.hub import Position, Read, Stream
from marketcore.live.tickets import TicketService
from marketcore.web.json import dumps

log = structlog.get_logger(__name__)

# The security policy answers ``request.identity`` from here, for requests that no HTTP client made.
IDENTITY = "marketcore.identity"

_SESSIONS = text(
    """
    SELECT session.id, account.roles, account.blocked_at IS NOT NULL AS blocked
    FROM auth_sessions AS session JOIN users AS account ON account.id = session.user_id
    WHERE session.id = ANY(CAST(:ids AS uuid[])) AND session.revoked_at IS NULL AND session.expires_at > market_clock()
    """
)


def bearer_identity(registry: Any, token: str) -> Any | None:
    """Return who an access token stands for."""
    authenticate = registry.get("authenticate_bearer")
    return authenticate(registry, token) if authenticate else None


def ticket_identity(registry: Any, ticket: str) -> Any | None:
    """Use a ticket up and return whose it is."""
    owner = perform(registry, lambda request: request.find_service(TicketService).redeem(ticket))
    return None if owner is None else session_identity(registry, *owner)


def session_identity(registry: Any, user_id: int, session_id: UUID) -> Any | None:
    """Return the identity of a session as it is now; ``None`` once it has ended."""
    load = registry.get("load_identity")
    return load(registry, user_id, session_id) if load else None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client finds in a channel it may join: the ``snapshot`` as JSON and the ``position`` it was read at."""

    position: Position | None = None
    snapshot: bytes | None = None


def look_in(registry: Any, identity: Any | None, match: Match, wants_snapshot: bool) -> Seen | None:
    """Ask the channel's ``may_join``, and for its snapshot if it is wanted and there is one.

    A refusal of any kind is ``None``, a database that is away an error.
    """
    channel = table(registry, "live channels")[match.pattern]
    try:
        with work(registry) as request:
            request.environ[IDENTITY] = identity
            if not channel.may_join(request, **match.params):
                return None
            if channel.snapshot is None or not wants_snapshot:
                return Seen()
            return _seen(channel.snapshot(request, **match.params))
    except MarketError:
        return None
    except SQLAlchemyError:
        raise
    except Exception:
        log.exception("live_may_join_failed", channel=match.name)
        return None


def _seen(document: Mapping[str, Any]) -> Seen:
    stream = document["stream"]
    return Seen(Position(stream["epoch"], stream["offset"]), dumps(document))


def may_join(registry: Any, identity: Any | None, match: Match) -> bool:
    """Ask the channel's ``may_join``."""
    return look_in(registry, identity, match, False) is not None


def has_snapshot(registry: Any, name: str) -> bool:
    """Whether the channel called ``name`` has a snapshot."""
    match = registry["live channels"].match(name)
    return table(registry, "live channels")[match.pattern].snapshot is not None


def is_counted(registry: Any, name: str) -> bool:
    """Whether the listeners of the channel called ``name`` are counted."""
    match = registry["live channels"].match(name)
    return match is not None and table(registry, "live channels")[match.pattern].presence


def lost_channels(registry: Any, identity: Any | None, matches: Iterable[Match]) -> list[str]:
    """Return the names of the channels that ``identity`` may not hear any more."""
    return [match.name for match in matches if not may_join(registry, identity, match)]


def changed_sessions(registry: Any, identities: Collection[Any]) -> set[UUID]:
    """Return the sessions that have ended, or whose user has other roles or another standing, with one query."""
    ids = [str(identity.session_id) for identity in identities]
    with registry["session_factory"]() as session:
        found = {row.id: (frozenset(row.roles), row.blocked) for row in session.execute(_SESSIONS, {"ids": ids})}
    return {
        identity.session_id
        for identity in identities
        if found.get(identity.session_id) != (identity.roles, identity.blocked)
    }


def streams(registry: Any, reads: list[Read]) -> dict[Read, Stream]:
    """Answer the hub's reads."""
    with registry["session_factory"]() as session:
        return read_streams(session, reads)
