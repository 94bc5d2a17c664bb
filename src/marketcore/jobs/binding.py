"""How a job's function is called: with a request in a transaction, or with the registry outside of one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from marketcore.directives import Job

F = TypeVar("F", bound=Callable[..., Any])


def outside_transaction(function: F) -> F:
    """Mark a job that talks to the network: called as ``function(registry, **arguments)`` with no transaction open.

    An ordinary job, ``function(request, **arguments)``, has its effect exactly once: effect and acknowledgement
    are one transaction. A marked one is acknowledged in a transaction of its own after it has returned, so it
    runs *at least* once: it must bear repetition, by a key of its own that the other side knows or by writing
    what it found in short units of work (``marketcore.db.session.work``) that may be written twice.
    """
    function.outside_transaction = True  # type: ignore[attr-defined]
    return function


def is_outside_transaction(job: Job) -> bool:
    """Whether ``job`` is called with the registry and without a transaction."""
    return bool(getattr(job.run, "outside_transaction", False))


def check_arguments(job: Job, arguments: Mapping[str, Any]) -> None:
    """Raise ``TypeError`` where ``job.run`` could not be called with ``arguments``."""
    try:
        _signature(job.run).bind(None, **arguments)
    except TypeError as error:
        raise TypeError(
            f"the job {job.name!r} cannot be called with ({', '.join(sorted(arguments))}): {error}; "
            f"its function is {job.run.__qualname__}{_signature(job.run)}"
        ) from None


@lru_cache(maxsize=1024)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)
