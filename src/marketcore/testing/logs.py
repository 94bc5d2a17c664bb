"""What is logged in a test process whose log nobody has configured."""

from __future__ import annotations

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
