"""Answers of providers, bounded: so many bytes, so many seconds, no detours."""

from __future__ import annotations

import time
from typing import Any

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import ReadTimeout
from urllib3.exceptions import HTTPError

LARGEST_ANSWER = 262_144


class TooMuch(ValueError):
    """An answer that is larger than any that makes sense."""


class Bounded(HTTPAdapter):
    """Reads each answer itself, at most ``LARGEST_ANSWER`` bytes of it and within ``total`` seconds."""

    def __init__(self, *, connect: int, read: int, total: int) -> None:
        super().__init__()
        self._timeouts = (connect, read)
        self._total = total

    def send(self, request: PreparedRequest, *_positional: Any, **options: Any) -> Response:
        """Return the answer with its body read."""
        deadline = time.monotonic() + self._total
        # A compressed answer would be as large as it likes.
        request.headers["Accept-Encoding"] = "identity"
        answer = super().send(request, **{**options, "stream": True, "timeout": self._timeouts})
        try:
            if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise TooMuch("the answer is compressed, unasked")
            answer._content = _read(answer, deadline)
            answer._content_consumed = True  # type: ignore[attr-defined]
        finally:
            answer.close()
        return answer


def _read(answer: Response, deadline: float) -> bytes:
    parts, size = [], 0
    try:
        while part := answer.raw.read1(65_536):
            parts.append(part)
            size += len(part)
            if size > LARGEST_ANSWER:
                raise TooMuch(f"the answer has more than {LARGEST_ANSWER} bytes")
            if time.monotonic() > deadline:
                raise ReadTimeout("the answer takes too long")
    except HTTPError as error:
        raise ReadTimeout(f"the answer breaks off: {type(error).__name__}") from None
    return b"".join(parts)


def bound(session: Session, adapter: Bounded) -> None:
    """Let ``session`` speak through ``adapter`` alone, go nowhere it is sent, and take nothing from its environment."""
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.max_redirects = 0
    session.trust_env = False
