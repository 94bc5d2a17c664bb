"""What is kept of a run: ``results.json`` for programs, ``results.md`` for the README, ``growth.svg`` for the eye."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import plot
from bench.machine import in_words
from bench.measuring import Result

FOLDER = Path(__file__).parent
_HEAD = (
    "| workload | measured | ratio: median [min–max] | target | marketcore | beside it |",
    "|---|---|---|---|---|---|",
)


def write(results: Sequence[Result], growth: dict[str, Any], machine: dict[str, Any], rounds: int) -> None:
    """Write all three files."""
    documents = [result.document() for result in results]
    kept = {"machine": machine, "rounds": rounds, "workloads": documents, "growth": growth}
    (FOLDER / "results.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    (FOLDER / "results.md").write_text(table(documents, machine, rounds))
    if growth:
        (FOLDER / "growth.svg").write_text(plot.draw(growth))


def table(documents: Sequence[dict[str, Any]], machine: dict[str, Any], rounds: int) -> str:
    """Return the Markdown table."""
    rows = [_row(document, target) for document in documents for target in document["targets"]]
    note = f"{rounds} rounds, sides in turn, each ratio taken within a round. {in_words(machine)}."
    return "\n".join([*_HEAD, *rows, "", note, ""])


def _row(document: dict[str, Any], target: dict[str, Any]) -> str:
    ratio, figures = target["ratio"], document["figures"]
    measured = f"{_number(ratio['median'])} [{_number(ratio['min'])}–{_number(ratio['max'])}]"
    verdict = {True: "", False: " (missed)", None: ""}[target["met"]]
    own, other = target["side"], target["over"]
    beside = f"{_number(figures[other]['median'])}" if other else ""
    cells = [
        document["title"],
        target["text"],
        f"**{measured}**",
        f"{target['target']}{verdict}",
        f"{_number(figures[own]['median'])} {document['unit']}",
        beside,
    ]
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
