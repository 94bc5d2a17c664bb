"""Find the function for a method and a path."""

import re
from collections.abc import Callable

from marketcore_simulator.wsgi import Request, Response

Handler = Callable[..., Response]


class NoSuchPath(LookupError):
    """Say that nothing lives at the path."""


class WrongMethod(LookupError):
    """Say that the path exists and does not answer this method."""


class Router:
    """Map "/prompts/{id}" patterns to handlers called as handler(request, id=…)."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Add a route; {name} stands for one path segment. The first match wins."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
        self._routes.append((method, re.compile(pattern), handler))

    def dispatch(self, request: Request) -> Response:
        """Answer the request; raise NoSuchPath or WrongMethod when no route fits."""
        known = False
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            known = known or match is not None
            if match is not None and method == request.method:
                return handler(request, **match.groupdict())
        raise WrongMethod(request.method) if known else NoSuchPath(request.path)
