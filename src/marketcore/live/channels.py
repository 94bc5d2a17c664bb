"""Channel names: what was declared, and what a client wrote.

A pattern such as ``order:{order_id}`` names a family of channels; a parameter is a positive whole number of at
most 63 bits, written without leading zeros, so that every channel has exactly one name. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

LONGEST_NAME = 120
REMEMBERED = 4096  # names of a process that need not be read again
LARGEST_NUMBER = 2**63 - 1

_PARAMETER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PATTERN = re.compile(r"[a-z][a-z0-9_.-]*(?::(?:[a-z][a-z0-9_.-]*|\{[a-z][a-z0-9_]*\}))*")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9_.-]+|\{[a-z][a-z0-9_]*\}))+")


@dataclass(frozen=True, slots=True)
class Match:
    """A name that belongs to a declared ``pattern``, and its numbers."""

    name: str
    pattern: str
    params: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Compiled:
    pattern: str
    names: tuple[str, ...]
    expression: re.Pattern[str]

    def read(self, text: str) -> dict[str, int] | None:
        found = self.expression.fullmatch(text)
        if found is None:
            return None
        params = {name: int(number) for name, number in found.groupdict().items()}
        return params if all(number <= LARGEST_NUMBER for number in params.values()) else None


class Channels:
    """The declared channel families: ``patterns`` maps each to its plain path, or ``None``.

    ``ValueError`` names a pattern or path that cannot be used, or two that claim the same names.
    """

    def __init__(self, patterns: Mapping[str, str | None]) -> None:
        self._names = [_compile_pattern(pattern) for pattern in patterns]
        self._paths = [_compile_path(path, pattern) for pattern, path in patterns.items() if path is not None]
        _check_distinct(one.pattern for one in self._names)
        _check_distinct(path for path in patterns.values() if path is not None)
        self._known = lru_cache(maxsize=REMEMBERED)(self._match)

    def match(self, name: str) -> Match | None:
        """Return what ``name`` refers to; ``None`` if no declared pattern has that name."""
        return None if len(name) > LONGEST_NAME else self._known(name)

    def _match(self, name: str) -> Match | None:
        for one in self._names:
            params = one.read(name)
            if params is not None:
                return Match(name, one.pattern, params)
        return None

    def at_path(self, path: str) -> Match | None:
        """Return the channel that the plain ``path`` subscribes to; a trailing slash is tolerated."""
        path = path.removesuffix("/")
        for one in self._paths:
            params = one.read(path)
            if params is not None:
                return Match(one.pattern.format(**params), one.pattern, params)
        return None


def _compile_pattern(pattern: str) -> _Compiled:
    names = _PARAMETER.findall(pattern)
    if not _PATTERN.fullmatch(pattern) or len(set(names)) != len(names):
        raise ValueError(
            f"{pattern!r} is no channel pattern: write words and {{parameters}} separated by colons, as in "
            "'order:{order_id}'"
        )
    if len(_PARAMETER.sub("", pattern)) + 19 * len(names) > LONGEST_NAME:
        raise ValueError(f"the channels of {pattern!r} could be longer than {LONGEST_NAME} characters: shorten it")
    return _Compiled(pattern, tuple(names), _expression(pattern))


def _compile_path(path: str, pattern: str) -> _Compiled:
    names = _PARAMETER.findall(path)
    if not _PATH.fullmatch(path) or sorted(names) != sorted(_PARAMETER.findall(pattern)):
        raise ValueError(
            f"the path {path!r} of the channel {pattern!r} must start with '/', have no slash at its end and "
            "contain each parameter of the channel once"
        )
    return _Compiled(pattern, tuple(names), _expression(path))


def _expression(text: str) -> re.Pattern[str]:
    pieces = _PARAMETER.split(text)
    literal, parameters = pieces[0::2], pieces[1::2]
    expression = re.escape(literal[0])
    for name, after in zip(parameters, literal[1:], strict=True):
        expression += f"(?P<{name}>[1-9][0-9]{{0,18}}){re.escape(after)}"
    return re.compile(expression)


def _check_distinct(texts: Iterable[str]) -> None:
    shapes: dict[str, str] = {}
    for text in texts:
        other = shapes.setdefault(_PARAMETER.sub("{}", text), text)
        if other != text:
            raise ValueError(f"{other!r} and {text!r} stand for the same names: rename one of them")
