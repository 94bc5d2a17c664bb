"""Refusals as ``application/problem+json`` (RFC 9457), in this one place."""

from __future__ import annotations

from typing import Any

import colander
import structlog
from pyramid.httpexceptions import HTTPException
from pyramid.response import Response
from pyramid_retry import is_error_retryable, mark_error_retryable
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from marketcore.db.session import collided
from marketcore.exceptions import Internal, Invalid, MarketError, MethodNotAllowed, NotFound, Unavailable
from marketcore.web.json import dumps
from marketcore.web.paths import shown_path

log = structlog.get_logger(__name__)
TYPE_PREFIX = "urn:marketcore:problem:"


def problem(request: Any, error: MarketError) -> Response:
    """Return the answer with the problem document of ``error``."""
    document = problem_document(error, getattr(request, "request_id", ""))
    response = Response(dumps(document), status=error.status, content_type="application/problem+json", charset=None)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in error.extra:
        response.headers["Retry-After"] = str(error.extra["retry_after"])
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.extra["allow"])
    if error.keeps:
        _keep(request, response)
    return response


def _keep(request: Any, response: Response) -> None:
    """Let the transaction of a refused request be committed; pyramid_tm reads a header, which nobody else shall."""
    response.headers["X-Tm"] = "commit"
    request.add_response_callback(lambda _request, answer: answer.headers.pop("X-Tm", None))


def problem_document(error: MarketError, request_id: str) -> dict[str, Any]:
    """Return the problem document of ``error``; ``request_id`` finds the request in the log."""
    return {
        "type": TYPE_PREFIX + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "request_id": request_id,
        **({"errors": error.errors} if error.errors else {}),
        **error.extra,
    }


def refusal_of(error: BaseException) -> MarketError:
    """Return what to tell a caller of ``error``: a refusal as it is, a fault of ours without a word of its inside."""
    if isinstance(error, MarketError):
        return error
    if isinstance(error, colander.Invalid):
        return Invalid(errors=field_errors(error))
    if isinstance(error, OperationalError | PoolTimeout):
        return Unavailable("the database is busy or away; try again in a moment", retry_after=1)
    return Internal("something went wrong here; the request id finds it in the log")


def market_error(error: MarketError, request: Any) -> Response:
    """Answer a refusal that our own code raised."""
    return problem(request, error)


def invalid(error: colander.Invalid, request: Any) -> Response:
    """Answer a body or query that its schema does not accept."""
    return problem(request, refusal_of(error))


def field_errors(error: colander.Invalid) -> dict[str, str]:
    """Return what is wrong by field path, such as ``{"price.amount": "…"}``."""
    prefix = f"{error.node.name}." if error.node.name else ""
    return {key.removeprefix(prefix) or "body": str(why) for key, why in error.asdict().items()}


def http_error(error: HTTPException, request: Any) -> Any:
    """Answer what Pyramid itself refuses; redirects and the like pass as they are."""
    if error.code < 400:
        return error
    if error.code == 404:
        return problem(request, _nowhere(request))
    if error.code == 403:
        return problem(request, request.registry["denied"](request))
    refusal = MarketError(error.explanation or error.title)
    refusal.status, refusal.code, refusal.title = error.code, error.title.lower().replace(" ", "-"), error.title
    return problem(request, refusal)


def _nowhere(request: Any) -> MarketError:
    route = getattr(request, "matched_route", None)
    methods = methods_of(request.registry, route.name) if route else []
    if methods and request.method not in methods:
        return MethodNotAllowed(f"this address takes {' and '.join(methods)}", allow=methods)
    return NotFound("there is no such address")


def methods_of(registry: Any, route_name: str) -> list[str]:
    """Return the methods that the views of a route answer."""
    views = (item["introspectable"] for item in registry.introspector.get_category("views") or ())
    given = [view["request_methods"] or () for view in views if view["route_name"] == route_name]
    return sorted({method for names in given for method in ([names] if isinstance(names, str) else names)})


def database_away(error: Exception, request: Any) -> Response:
    """Answer a database that is away, overloaded or lets transactions collide: the same request may succeed soon.

    A collision is marked for ``pyramid_retry``, which then throws this answer away and runs the request again;
    pyramid_tm does not mark what an exception view has answered with a 5xx, nor what fails in the commit itself.
    """
    if collided(error):
        mark_error_retryable(error)
    if is_error_retryable(request, error):
        log.info("transaction_collided", path=shown_path(request), method=request.method)
    else:
        log.error("database_unavailable", exc_info=error, path=shown_path(request), method=request.method)
    return problem(request, refusal_of(error))


def unexpected(error: Exception, request: Any) -> Response:
    """Answer a fault of ours: logged in full, told without a word of its inside."""
    log.error("unhandled_error", exc_info=error, path=shown_path(request), method=request.method)
    return problem(request, refusal_of(error))


def includeme(config: Any) -> None:
    """Register the exception views."""
    for view, context in (
        (market_error, MarketError),
        (invalid, colander.Invalid),
        (http_error, HTTPException),
        (database_away, OperationalError),
        (database_away, PoolTimeout),
        (unexpected, Exception),
    ):
        config.add_exception_view(view, context=context)
    config.add_notfound_view(http_error)
    config.add_forbidden_view(http_error)
