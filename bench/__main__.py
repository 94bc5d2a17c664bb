"""``python -m bench``: measure everything, or what ``--only`` names; see ``bench/README.md``."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import report
from bench.machine import describe
from bench.measuring import Result, Workload, measure, say, show
from bench.stage import Stage, stage
from bench.workloads import bids_http, bids_live, buying, delivery, fanout, growth, lists, paying

ROUNDS, SECONDS = 5, 1.5
MAKERS: dict[str, Callable[[Stage], Workload]] = {
    **bids_http.WORKLOADS,
    **bids_live.WORKLOADS,
    **fanout.WORKLOADS,
    **delivery.WORKLOADS,
    **buying.WORKLOADS,
    **paying.WORKLOADS,
    **lists.WORKLOADS,
    **growth.WORKLOADS,
}


def main() -> None:
    """Measure, print, and write what is kept."""
    asked = _arguments()
    began = time.monotonic()
    with _folder(asked.folder) as folder, stage(folder, asked.peer_python) as ready:
        machine = describe(ready.admin_url)
        results = [_measured(workload, asked) for workload in _chosen(ready, asked.only)]
    if not asked.only:
        report.write(results, growth.charts([result.document() for result in results]), machine, asked.rounds)
    say(f"{len(results)} workloads in {time.monotonic() - began:.0f} s")


def _measured(workload: Workload, asked: argparse.Namespace) -> Result:
    result = measure(workload, asked.rounds, asked.seconds)
    show(result)
    return result


def _chosen(ready: Stage, only: list[str]) -> Iterator[Workload]:
    for name, make in MAKERS.items():
        if not only or any(name.startswith(beginning) for beginning in only):
            yield make(ready)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of one side in one round")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="workloads that begin so")
    parser.add_argument("--peer-python", type=Path, default=Path(".venv-bench/bin/python"))
    parser.add_argument("--folder", type=Path, help="keep servers and data here instead of beginning anew")
    return parser.parse_args()


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="marketcore-bench-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


if __name__ == "__main__":
    main()
