"""Prometheus: what this process counts, and the plain page it is read from."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client import ProcessCollector as _ProcessCollector
from pyramid.response import Response

from marketcore.jobs.status import JobCollector


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.collectors = CollectorRegistry()
        _ProcessCollector(registry=self.collectors)
        self.requests = Counter(
            "marketcore_http_requests", "HTTP requests", ["method", "route", "status"], registry=self.collectors
        )
        self.seconds = Histogram("marketcore_http_seconds", "HTTP durations", ["route"], registry=self.collectors)
        self._counted = lru_cache(maxsize=1024)(self.requests.labels)
        self._timed = lru_cache(maxsize=1024)(self.seconds.labels)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP request."""
        self._counted(method, route, str(status)).inc()
        self._timed(route).observe(seconds)

    def forget(self) -> None:
        """Begin to count anew."""
        self.requests.clear()
        self.seconds.clear()
        self._counted.cache_clear()
        self._timed.cache_clear()


def metrics_view(request: Any) -> Response:
    """Return this process's metrics in Prometheus' text format."""
    body = generate_latest(request.registry["metrics"].collectors)
    return Response(body, headerlist=[("Content-Type", CONTENT_TYPE_LATEST)])


def includeme(config: Any) -> None:
    """Add ``/metrics``."""
    metrics = config.registry["metrics"] = Metrics()
    metrics.collectors.register(JobCollector(config.registry["engine"]))
    config.add_route("metrics", "/metrics")
    config.add_view(metrics_view, route_name="metrics", request_method="GET", permission="public")
