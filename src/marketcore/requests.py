"""The class of requests: what was added to requests, in one class made once.

Pyramid binds every added method anew to each request, and makes a class of its own for each request that has added
properties. Here all of it is in one class before the first request comes.
"""

from __future__ import annotations

from typing import Any

from pyramid.interfaces import IRequestExtensions, IRequestFactory
from pyramid.request import Request


def settle_requests(registry: Any) -> None:
    """Make the class of the requests of a committed configuration, and leave nothing to be added to each."""
    added = registry.queryUtility(IRequestExtensions)
    base = registry.queryUtility(IRequestFactory, default=Request)
    registry.registerUtility(type("MarketRequest", (base,), {**added.methods, **added.descriptors}), IRequestFactory)
    added.methods.clear()
    added.descriptors.clear()
