"""Draws how latencies behave as rows grow: one small chart per kind of question, both axes logarithmic, plain SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

WIDTH, HEIGHT = 320, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 40
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#8250df", "#bf8700")

Series = dict[str, list[list[float]]]


def draw(growth: dict[str, Any]) -> str:
    """Return the SVG of charts ``{title: {"unit": …, "series": {name: [[rows, value], …]}}}`` side by side."""
    width, height = WIDTH * len(growth), HEIGHT + 16 * max(len(chart["series"]) for chart in growth.values())
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="11" role="img">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for place, (title, chart) in enumerate(growth.items()):
        parts += [
            f'<g transform="translate({place * WIDTH} 0)">',
            *_chart(title, chart["unit"], chart["series"]),
            "</g>",
        ]
    return "\n".join([*parts, "</svg>", ""])


def _chart(title: str, unit: str, series: Series) -> Iterator[str]:
    points = [point for line in series.values() for point in line]
    across = _Axis([rows for rows, _value in points], LEFT, WIDTH - RIGHT)
    up = _Axis([value for _rows, value in points], HEIGHT - BOTTOM, TOP)
    yield f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold">{title}</text>'
    for power in across.powers():
        x = across.at(10.0**power)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#e4e4e4"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{_power(power)}</text>'
    for power in up.powers():
        y = up.at(10.0**power)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e4e4e4"/>'
        yield f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>'
    yield f'<text x="{LEFT - 5}" y="{TOP - 6}" text-anchor="end" fill="#555">{unit}</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 12}" text-anchor="end" fill="#555">rows</text>'
    for place, (name, line) in enumerate(series.items()):
        yield from _line(COLOURS[place % len(COLOURS)], name, line, across, up, HEIGHT + 8 + 16 * place)


def _line(
    colour: str, name: str, line: Sequence[Sequence[float]], across: _Axis, up: _Axis, legend: float
) -> Iterator[str]:
    places = [(across.at(rows), up.at(value)) for rows, value in line]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
    yield f'<rect x="{LEFT}" y="{legend - 9}" width="10" height="10" fill="{colour}"/>'
    yield f'<text x="{LEFT + 16}" y="{legend}">{name}</text>'


class _Axis:
    """A logarithmic axis over whole powers of ten, from the pixel ``start`` to ``end``."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        logs = [math.log10(value) for value in values]
        self._low, self._high = math.floor(min(logs) + 1e-9), math.ceil(max(logs) - 1e-9)
        self._high = max(self._high, self._low + 1)
        self._start, self._end = start, end

    def powers(self) -> range:
        return range(self._low, self._high + 1)

    def at(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)


def _power(power: int) -> str:
    return f'10<tspan dy="-4" font-size="8">{power}</tspan>'
