"""How the gateway refuses and closes: every code a client may see, and what it should do then."""

from __future__ import annotations

from enum import IntEnum


class Close(IntEnum):
    """The close codes; those below 4000 are of RFC 6455."""

    GOING_AWAY = 1001
    TOO_BIG = 1009
    INTERNAL = 1011
    SLOW = 4008
    RATE = 4029
    TOO_MANY_SOCKETS = 4030
    BAD_FRAME = 4400
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    AUTH_TIMEOUT = 4408


MEANINGS = {
    Close.GOING_AWAY: "the server restarts: connect again and resume with since",
    Close.TOO_BIG: "a frame was larger than live.max_size",
    Close.INTERNAL: "a fault of ours: connect again and resume",
    Close.SLOW: "you read too slowly: connect again and resume",
    Close.RATE: "you sent more than live.messages_per_second",
    Close.TOO_MANY_SOCKETS: "you have live.sockets_per_user sockets open: close one",
    Close.BAD_FRAME: "you sent something that is no frame, or too many wrong ones",
    Close.UNAUTHENTICATED: "the ticket is not valid, or the session has ended: log in",
    Close.FORBIDDEN: "you may not listen to this any more",
    Close.NOT_FOUND: "there is nothing here for you",
    Close.AUTH_TIMEOUT: "no first frame came within live.auth_seconds",
}

REFUSALS = {
    401: "the bearer token is not valid",
    403: "pages of this origin may not open sockets (live.origins)",
    404: "there is no such address",
    429: "too many open sockets of this address (live.sockets_per_ip)",
    503: "the server is shutting down, or its database does not answer",
}
