"""What is logged in a test process whose log nobody has configured."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


def log_plainly() -> None:
    """Write every line to standard output, tracebacks as Python writes them.

    What structlog does unless told otherwise, but for the tracebacks: its coloured ones, with the source and the
    local variables of every frame, take a fifth of a second each, and tests provoke thousands of faults.
    """
    structlog.reset_defaults()
    *before, _renderer = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, plain])


@contextmanager
def log_restored() -> Iterator[None]:
    """Undo at the end what ``configure_logging`` has done to the process meanwhile."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    log_plainly()
    root.handlers[:], root.level = handlers, level
