"""Pure: bar charts as SVG, in whole numbers, readable aloud, and safe whatever the labels say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
# Tenths of a pixel: fine enough, and no fraction anywhere.
WIDTH, LEFT, RIGHT, TOP, PLOT_HEIGHT, FOOT = 8000, 1300, 400, 600, 2000, 500
ROW, NAMES, LONGEST_LABEL = 300, 2600, 30
LINES, DAY_LABELS = 5, 8
INK, PALE, BAR = "#1a1a1a", "#d4d4d4", "#0b6e4f"
# What XML 1.0 cannot hold, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it stands for, and how much that is, from zero."""

    label: str
    value: int


def column_chart(title: str, about: str, bars: Sequence[Bar], write: Callable[[int], str]) -> str:
    """Return ``bars`` side by side as an SVG document; ``write`` makes a value readable."""
    svg = _canvas(title, about, TOP + PLOT_HEIGHT + FOOT)
    step = _step(max((bar.value for bar in bars), default=0))
    for place in range(LINES + 1):
        height = TOP + PLOT_HEIGHT - place * PLOT_HEIGHT // LINES
        _line(svg, LEFT, height, WIDTH - RIGHT, height)
        _text(svg, LEFT - 80, height + 40, write(place * step), anchor="end")
    room = WIDTH - LEFT - RIGHT
    every = max(1, -(-len(bars) // DAY_LABELS))
    for place, bar in enumerate(bars):
        left, end = LEFT + room * place // len(bars), LEFT + room * (place + 1) // len(bars)
        high = max(0, bar.value) * PLOT_HEIGHT // (LINES * step)
        _bar(svg, (left, TOP + PLOT_HEIGHT - high, max(1, (end - left) * 4 // 5), high), bar, write)
        if place % every == 0:
            _text(svg, (left + end) // 2, TOP + PLOT_HEIGHT + 200, bar.label, anchor="middle")
    return _written(svg)


def row_chart(title: str, about: str, bars: Sequence[Bar], write: Callable[[int], str]) -> str:
    """Return ``bars`` one below the other as an SVG document, each with its label and value."""
    svg = _canvas(title, about, TOP + ROW * max(1, len(bars)) + 100)
    highest = max(1, *(bar.value for bar in bars)) if bars else 1
    for place, bar in enumerate(bars):
        above, wide = TOP + place * ROW, max(0, bar.value) * (WIDTH - NAMES - 1700) // highest
        _bar(svg, (NAMES, above, max(1, wide), ROW * 2 // 3), bar, write)
        _text(svg, NAMES - 80, above + 140, _shortened(bar.label), anchor="end")
        _text(svg, NAMES + wide + 80, above + 140, write(bar.value))
    return _written(svg)


def _canvas(title: str, about: str, height: int) -> ET.Element:
    svg = ET.Element(
        "svg",
        {
            "xmlns": SVG,
            "viewBox": f"0 0 {WIDTH} {height}",
            "role": "img",
            "aria-labelledby": "chart-title chart-about",
            "font-family": "sans-serif",
            "font-size": "120",
        },
    )
    for tag, id, words in (("title", "chart-title", title), ("desc", "chart-about", about)):
        ET.SubElement(svg, tag, {"id": id}).text = _clean(words)
    ET.SubElement(svg, "rect", {"width": str(WIDTH), "height": str(height), "fill": "#ffffff"})
    _text(svg, 200, 320, title, size="180")
    return svg


def _bar(svg: ET.Element, place: tuple[int, int, int, int], bar: Bar, write: Callable[[int], str]) -> None:
    x, y, width, height = map(str, place)
    drawn = ET.SubElement(svg, "rect", {"x": x, "y": y, "width": width, "height": height, "fill": BAR})
    ET.SubElement(drawn, "title").text = _clean(f"{bar.label}: {write(bar.value)}")


def _line(svg: ET.Element, x1: int, y1: int, x2: int, y2: int) -> None:
    ends = {"x1": str(x1), "y1": str(y1), "x2": str(x2), "y2": str(y2)}
    ET.SubElement(svg, "line", {**ends, "stroke": PALE, "stroke-width": "8"})


def _text(svg: ET.Element, x: int, y: int, words: str, *, anchor: str = "start", size: str = "120") -> None:
    place = {"x": str(x), "y": str(y), "text-anchor": anchor, "fill": INK, "font-size": size}
    ET.SubElement(svg, "text", place).text = _clean(words)


def _written(svg: ET.Element) -> str:
    return ET.tostring(svg, encoding="unicode")


def _clean(words: str) -> str:
    return _UNWRITABLE.sub("\ufffd", words)


def _shortened(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"


def _step(highest: int) -> int:
    """Return what lies between two lines: 1, 2 or 5 times a power of ten, so that all ``LINES`` reach ``highest``."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step * LINES >= highest:
                return step
        size *= 10
