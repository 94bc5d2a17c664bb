"""Which route and view a request leads to, looked up by how its address begins and by its method.

Two hundred patterns are not tried one after another, nor is each view of a route.
"""

from __future__ import annotations

from typing import Any

from pyramid.config.views import MultiView
from pyramid.interfaces import IMultiView, IRoutesMapper
from pyramid.predicates import RequestMethodPredicate
from pyramid.urldispatch import Route, RoutesMapper

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
DEPTH = 3  # segments that are looked up, as in /api/v1/orders
_DYNAMIC = frozenset("{*:")


class RouteIndex(RoutesMapper):  # type: ignore[misc]
    """Pyramid's routes, of which a request tries only those that begin as its path does, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._shelves: dict[tuple[str, ...], RoutesMapper] = {}

    def connect(self, *given: Any, **named: Any) -> Route:
        """Add a route as Pyramid does."""
        self._shelves = {}
        return super().connect(*given, **named)

    def __call__(self, request: Any) -> Any:
        """Return route and matches of ``request``, as Pyramid does."""
        return self._shelf(request.environ.get("PATH_INFO") or "/")(request)

    def _shelf(self, path: str) -> RoutesMapper:
        shelves = self._shelves or self._sort_in()
        start = tuple(path.split("/", DEPTH + 1)[1 : DEPTH + 1])
        while start not in shelves:
            start = start[:-1]
        return shelves[start]

    def _sort_in(self) -> dict[tuple[str, ...], RoutesMapper]:
        starts = [fixed_start(route.pattern) for route in self.routelist]
        shelves = {}
        for start in {(), *starts}:
            shelf = shelves[start] = RoutesMapper()
            for route, own in zip(self.routelist, starts, strict=True):
                if own == start[: len(own)]:
                    shelf.routelist.append(route)
        self._shelves = shelves  # at one stroke, for other threads may be looking
        return shelves


def fixed_start(pattern: str) -> tuple[str, ...]:
    """Return the leading segments of a route's ``pattern`` that are the same for all its addresses.

    >>> fixed_start("/api/v1/orders/{order_id}")
    ('api', 'v1', 'orders')
    >>> fixed_start("/ws/auction/{auction_id}")
    ('ws', 'auction')
    """
    segments = pattern.removeprefix("/").split("/")[:DEPTH]
    dynamic = (place for place, segment in enumerate(segments) if _DYNAMIC & set(segment))
    return tuple(segments[: next(dynamic, len(segments))])


class MethodViews(MultiView):  # type: ignore[misc]
    """The views of one route, of which a request tries only those that take its method.

    Pyramid tries one after the other, and each that does not fit raises an exception, which is an answer with a page.
    """

    def __init__(self, views: MultiView) -> None:
        super().__init__(views.name)
        self.views, self.media_views, self.accepts = views.views, views.media_views, views.accepts
        self._of_method = {method: [each for each in self.views if _takes(each[1], method)] for method in METHODS}

    def get_views(self, request: Any) -> Any:
        """Return the (order, view, hash) to be tried for ``request``."""
        if self.accepts:
            return super().get_views(request)
        return self._of_method.get(request.method, self.views)


def _takes(view: Any, method: str) -> bool:
    predicates = getattr(view, "__predicates__", ())
    return all(method in each.val for each in predicates if isinstance(each, RequestMethodPredicate))


def settle_views(registry: Any) -> None:
    """Sort the views of a committed configuration by their methods."""
    for found in list(registry.registeredAdapters()):
        if found.provided is IMultiView and type(found.factory) is MultiView:
            registry.registerAdapter(MethodViews(found.factory), found.required, found.provided, found.name)


def includeme(config: Any) -> None:
    """Have all routes kept in the index."""
    config.registry.registerUtility(RouteIndex(), IRoutesMapper)
