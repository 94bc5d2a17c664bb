"""Streams over sockets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketcore.live.presence import Presence
from marketcore_livestream.chat import ChatService
from marketcore_livestream.guests import GuestService
from marketcore_livestream.reading import StreamReader, channel_of


def may_watch(request: Any, stream_id: int) -> bool:
    """Anybody who is not banned, if there is such a stream."""
    identity = request.identity
    return request.find_service(GuestService).may_join(stream_id, identity.user_id if identity else None)


def snapshot(request: Any, stream_id: int) -> Mapping[str, Any]:
    """Return the stream's document, for whoever begins to listen."""
    document: Mapping[str, Any] = request.find_service(StreamReader).document(stream_id)
    return document


def say(request: Any, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Say something, as over HTTP."""
    answer: Mapping[str, Any] = request.find_service(ChatService).say(data["stream_id"], request.identity, data["body"])
    return answer


def count_in(request: Any, stream_id: int, user_id: int, seconds: int) -> None:
    """Count somebody as a viewer for a while, once the transaction is committed."""
    _after_commit(request, "hold", channel_of(stream_id), user_id, seconds)


def count_out(request: Any, stream_id: int, user_id: int) -> None:
    """Count somebody no longer, once the transaction is committed."""
    _after_commit(request, "let_go", channel_of(stream_id), user_id)


def _after_commit(request: Any, method: str, *arguments: Any) -> None:
    presence = request.find_service(Presence)

    def tell(committed: bool) -> None:
        if committed:
            getattr(presence, method)(*arguments)

    request.tm.get().addAfterCommitHook(tell)
