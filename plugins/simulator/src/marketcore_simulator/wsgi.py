"""Requests and responses in the few lines the simulator needs of WSGI."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

LARGEST_BODY = 1024 * 1024


class Dropped(ConnectionAbortedError):
    """Ask the server to close the connection without a byte of answer."""


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def at(self, path: str) -> "Request":
        """Return the same request as a mounted part of the application sees it."""
        return replace(self, path=path)

    def document(self) -> dict[str, Any]:
        """Return the JSON object in the body, {} for an empty one; raise ValueError for anything else."""
        document = json.loads(self.body.decode("utf-8")) if self.body else {}
        if not isinstance(document, dict):
            raise ValueError("the body is not a JSON object")
        return document

    def form(self) -> dict[str, str]:
        """Return the fields of an HTML form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))


@dataclass(frozen=True)
class Response:
    """One HTTP response with its whole body."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()

    def start_and_body(self, start_response: Callable[..., object]) -> Iterable[bytes]:
        """Answer the WSGI server."""
        head = [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
            ("Cache-Control", "no-store"),
            *self.headers,
        ]
        start_response(f"{self.status} {HTTPStatus(self.status).phrase}", head)
        return [self.body]


def json_response(document: object, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(status, json.dumps(document).encode("utf-8"), "application/json;charset=UTF-8")


def html_response(page: str, status: int = 200) -> Response:
    """Return an HTML page."""
    return Response(status, page.encode("utf-8"), "text/html; charset=utf-8")


def see_other(location: str) -> Response:
    """Send the browser to `location` after a form."""
    return Response(303, b"", "text/plain", (("Location", location),))


def read_request(environ: Mapping[str, Any]) -> Request:
    """Read a WSGI environ; raise ValueError when the body's length is missing sense or too large."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 <= length <= LARGEST_BODY:
        raise ValueError(f"a body of {length} bytes is not between 0 and {LARGEST_BODY}")
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ.get("PATH_INFO") or "/",
        query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
        headers=_headers(environ),
        body=environ["wsgi.input"].read(length) if length else b"",
    )


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
    headers["content-type"] = environ.get("CONTENT_TYPE") or ""
    return headers
