"""One log for the platform and its libraries: structured, on standard error, with secrets masked.

``configure_logging`` is called where a process starts (never at import); ``structlog.get_logger`` and the standard
library's ``logging`` then write the same lines to the same stream. Ours do not take the way through the library's
records and handlers: with a line per request that way cost more than the line.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter

from marketcore.redaction import redact_named
from marketcore.web.json import dumps

# Libraries that tell every request at INFO, with addresses that may carry keys.
_TALKATIVE = (
    "httpx",
    "httpcore",
    "websockets",
    "alembic",
    "huey",
    "asyncio",
    "stripe",
    "marketcore.db.pool.ConnectionPool",
)


def configure_logging(core: Mapping[str, Any], *, process: str = "", stream: TextIO | None = None) -> None:
    """Send every log line to ``stream`` (standard error) as ``marketcore.log_level`` and ``log_format`` say.

    ``process`` is added to each line. Calling it again replaces the earlier configuration.
    """
    level = logging.getLevelNamesMapping()[core["log_level"].upper()]
    masking, saying, rendering = _masking(), _saying(process), _renderer(core["log_format"])
    structlog.configure(
        processors=[*masking, *saying, rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Lines(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(masking, saying, rendering))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)


class _Lines:
    """Makes loggers that write finished lines to one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def __call__(self, name: str = "") -> _Line:
        return _Line(name, self._write)

    def _write(self, line: str) -> None:
        with self._lock:
            self._stream.write(line + "\n")
            self._stream.flush()


class _Line:
    """A logger of one name, whose every method writes the line that it is given."""

    def __init__(self, name: str, write: Callable[[str], None]) -> None:
        self.name = name
        self.msg = self.debug = self.info = self.warning = self.error = self.critical = self.exception = write


def mask_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Mask secret values by their name and by their look, in texts and tracebacks too."""
    return {key: value if key[:1] == "_" else redact_named(key, value) for key, value in event.items()}


def _masking() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        mask_secrets,
    ]


def _saying(process: str) -> list[Any]:
    """Return what adds what the logger itself knows, which holds no secrets."""

    def name_process(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "process": process} if process else event

    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
    ]


def _formatter(masking: list[Any], saying: list[Any], rendering: Any) -> ProcessorFormatter:
    """Return the formatter of what comes by the standard library: ours does not come that way."""
    return ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *saying],
        processors=[ProcessorFormatter.remove_processors_meta, *masking, rendering],
    )


def _renderer(log_format: str) -> Any:
    if log_format == "json":
        return _json_line
    # The plain formatter: the coloured one prints local variables, which no mask reaches.
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)


def _json_line(_logger: Any, _method: str, event: Mapping[str, Any]) -> str:
    return dumps(event).decode()
