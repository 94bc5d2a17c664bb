"""Workloads, rounds and ratios.

A ratio is taken within one round, in which all sides are measured one after the other: on a machine that others use
too, only such ratios mean anything. The order of the sides changes from round to round.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MARKETCORE, DJANGO = "marketcore", "django"
WARM_SECONDS = 0.7  # of a round that is not counted


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that has to be reached: ``side`` over ``over``, or ``side`` itself where there is no other."""

    text: str
    side: str
    over: str | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def wanted(self) -> str:
        """The target as people write it."""
        sign, value = (">=", self.at_least) if self.at_least is not None else ("<=", self.at_most)
        return f"{sign} {value:g}" if value is not None else ""

    def met(self, value: float) -> bool | None:
        """Whether ``value`` is good enough; ``None`` where nothing was asked."""
        if self.at_least is not None:
            return value >= self.at_least
        return value <= self.at_most if self.at_most is not None else None


@dataclass(frozen=True)
class Workload:
    """Something to measure: per side a function that does a round of so many seconds and returns its figure."""

    name: str
    title: str
    unit: str
    sides: Mapping[str, Callable[[float], float]]
    targets: Sequence[Target]
    check: Callable[[], str] | None = None
    most_rounds: int | None = None
    warm: bool = True


@dataclass
class Result:
    """The figures of a workload, by side, one per round; ``verified`` says what was found in the database."""

    workload: Workload
    figures: dict[str, list[float]] = field(default_factory=dict)
    verified: str = ""
    seconds: float = 0.0

    def ratios(self, target: Target) -> list[float]:
        """Return the ratio of each round."""
        own = self.figures[target.side]
        if target.over is None:
            return own
        return [value / other for value, other in zip(own, self.figures[target.over], strict=True)]

    def document(self) -> dict[str, Any]:
        """Return the result as ``results.json`` keeps it."""
        return {
            "name": self.workload.name,
            "title": self.workload.title,
            "unit": self.workload.unit,
            "figures": {side: {**spread(values), "rounds": rounded(values)} for side, values in self.figures.items()},
            "targets": [self._target(target) for target in self.workload.targets],
            "verified": self.verified,
            "seconds": round(self.seconds, 1),
        }

    def _target(self, target: Target) -> dict[str, Any]:
        ratios = self.ratios(target)
        return {
            "text": target.text,
            "side": target.side,
            "over": target.over,
            "ratio": spread(ratios),
            "target": target.wanted,
            "met": target.met(statistics.median(ratios)),
        }


def rounded(values: Sequence[float]) -> list[float]:
    """Return ``values`` with four digits that mean something."""
    return [float(f"{value:.4g}") for value in values]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return smallest, median and largest value."""
    low, middle, high = rounded([min(values), statistics.median(values), max(values)])
    return {"min": low, "median": middle, "max": high}


def measure(workload: Workload, rounds: int, seconds: float) -> Result:
    """Measure all sides of ``workload`` in turn, after one round each that is not counted."""
    began = time.monotonic()
    result = Result(workload, {side: [] for side in workload.sides})
    sides = list(workload.sides.items())
    for _side, figure in sides if workload.warm else ():
        figure(WARM_SECONDS)
    for number in range(min(rounds, workload.most_rounds or rounds)):
        for side, figure in sides if number % 2 == 0 else reversed(sides):
            result.figures[side].append(figure(seconds))
    if workload.check:
        result.verified = workload.check()
    result.seconds = time.monotonic() - began
    return result


def show(result: Result) -> None:
    """Print a result: the figures, then each ratio beside its target."""
    say(f"{result.workload.title} [{result.workload.unit}] ({result.seconds:.0f} s)")
    for side, values in result.figures.items():
        say(f"    {side:<22}{_range(spread(values))}")
    for target in result.workload.targets:
        found = spread(result.ratios(target))
        met = target.met(found["median"])
        verdict = {True: "met", False: "MISSED", None: ""}[met]
        say(f"  > {target.text}: {_range(found)}   target {target.wanted or '-'} {verdict}")
    if result.verified:
        say(f"    {result.verified}")


def _range(found: Mapping[str, float]) -> str:
    return f"{found['median']:g} [{found['min']:g}–{found['max']:g}]"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
