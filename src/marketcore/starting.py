"""What makes a process start sooner, keeps it from looking for garbage where there is none, and lets many connect."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

MOST_FILES = 65_536
# The database's connections, Redis, the log, and what libraries open for a moment.
OTHER_FILES = 100


@contextmanager
def collecting_later() -> Iterator[None]:
    """Put garbage collection off while the block loads and configures.

    Nearly all that it makes stays; looking through it again and again takes a sixth of a start.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def keep_what_stays() -> None:
    """Set aside what the application is made of: looking through it for garbage costs a request in six."""
    gc.collect()
    gc.freeze()


def expect_connections(number: int) -> None:
    """Let this process open as many files as the system lets it: each connection is one, and 1,024 are usual.

    Say so where ``number`` connections are still too many.
    """
    try:
        import resource
    except ImportError:  # there is no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < number + OTHER_FILES:
        import structlog  # only here: the commands that serve nothing start without it

        structlog.get_logger(__name__).warning(
            "few_files_allowed",
            allowed=allowed,
            connections=number,
            remedy=f"allow {number + OTHER_FILES} open files (systemd: LimitNOFILE, shells: ulimit -Hn)",
        )
