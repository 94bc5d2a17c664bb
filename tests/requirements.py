"""Which tests prove which promised line: ``make requirements``.

A test proves a line for a part (the core or a plugin) when it is one of that part's and its name begins with the
line's id, or with several, as in ``test_M11_K7_…``. Exit code 1 says that a part which is built has a line without a
test.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE = "core"
_ROW = re.compile(r"^\| ((?:[A-Z]\d+ ?)+) \| (.+) \| ([a-z_, ]+) \|$", re.MULTILINE)
_TEST = re.compile(r"^\s*(?:async )?def (test_((?:[A-Z]\d+_)+)\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Line:
    """One promise about one part: ``built`` is whether the part exists, ``tests`` are the names of its proofs."""

    id: str
    part: str
    what: str
    built: bool
    tests: tuple[str, ...]

    @property
    def lacking(self) -> bool:
        """Whether there ought to be a test, and is none."""
        return self.built and not self.tests


def promised(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield id, part and what is promised for every row of the table in ``text``."""
    for ids, what, parts in _ROW.findall(text):
        for part in parts.split(","):
            for id_ in ids.split():
                yield id_, part.strip(), what


def proofs(folder: Path) -> dict[str, list[str]]:
    """Return the names of the tests in ``folder`` by the id that they begin with."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for name, ids in _TEST.findall(path.read_text()):
            for id_ in ids.strip("_").split("_"):
                found.setdefault(id_, []).append(name)
    return found


def lines(root: Path) -> list[Line]:
    """Return every promised line with its proofs."""
    text = (root / "docs/reference/requirements.md").read_text()
    made = []
    for id_, part, what in promised(text):
        folder = root / "tests" if part == CORE else root / "plugins" / part / "tests"
        tests = proofs(folder).get(id_, ())
        made.append(Line(id_, part, what, folder.is_dir(), tuple(tests)))
    return made


def main(root: Path = ROOT) -> int:
    """Print the lines; return 1 where a test is lacking."""
    found = lines(root)
    for line in found:
        state = "" if line.tests else "NO TEST" if line.built else "not built"
        print(f"{line.id:4} {line.part:17} {line.what}  {state}".rstrip())
        for name in line.tests:
            print(f"       {name}")
    lacking = [line for line in found if line.lacking]
    unbuilt = sum(not line.built for line in found)
    print(
        f"{len(found)} lines: {len(found) - len(lacking) - unbuilt} proved, {len(lacking)} without, {unbuilt} not built"
    )
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
