"""Who may do what: every route and method, asked by everyone, answers what ``matrix.txt`` says.

The table is reviewed by people. ``MARKETCORE_WRITE_MATRIX=1 pytest tests/surface/test_matrix.py`` writes it anew;
a cell is the status of a request with an empty body for something that does not exist.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .addresses import Address, addresses
from .people import CALLERS, People

TABLE = Path(__file__).with_name("matrix.txt")
HEADER = ("method", "route", *CALLERS)
WIDTHS = (7, 28, *(max(7, len(caller)) for caller in CALLERS))
LOGGED_OUT = ("expired", "revoked", "refresh")


def line(cells: tuple[str, ...]) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def written() -> dict[tuple[str, str], tuple[str, ...]]:
    rows = [tuple(row.split()) for row in TABLE.read_text().splitlines() if row and not row.startswith("#")]
    assert rows[0] == HEADER
    return {row[:2]: row[2:] for row in rows[1:]}


def status(people: People, address: Address, caller: str) -> str:
    body = {} if address.openapi and "body" in address.openapi else None
    answer = people.ask(address.method, address.nowhere(), people.token(caller), body)
    if answer.is_success and address.method != "GET" and caller not in ("anonymous", *LOGGED_OUT):
        people.again(caller)
    return str(answer.status_code)


def measured(people: People) -> Iterator[tuple[str, ...]]:
    for address in addresses(people.market.registry):
        yield (address.method, address.route, *(status(people, address, caller) for caller in CALLERS))


def test_every_route_answers_every_caller_as_the_table_says(people):
    rows = list(measured(people))
    if os.environ.get("MARKETCORE_WRITE_MATRIX"):
        TABLE.write_text("\n".join(["# " + __doc__.splitlines()[0], line(HEADER), *map(line, rows)]) + "\n")
    table = written()
    wrong = [line(row) for row in rows if table.get(row[:2]) != row[2:]]
    gone = [line((*key, *cells)) for key, cells in table.items() if key not in {row[:2] for row in rows}]
    assert not wrong, "these rows are right, matrix.txt has them not or otherwise:\n" + "\n".join(wrong)
    assert not gone, "matrix.txt has rows of routes that are gone:\n" + "\n".join(gone)


def test_no_cell_is_a_fault_and_worthless_tokens_open_nothing():
    for (method, route), cells in written().items():
        by_caller = dict(zip(CALLERS, cells, strict=True))
        assert all(cell < "500" for cell in cells), (method, route, cells)
        denied = by_caller["anonymous"] == "401"
        for caller in LOGGED_OUT if denied else ():
            assert by_caller[caller] == "401", (method, route, caller)


def test_a_permission_that_roles_lack_is_refused_before_anything_is_read(people):
    declared = people.market.registry["marketcore permissions declared"]
    table = written()
    for address in addresses(people.market.registry):
        holders = declared[address.permission].to if address.permission in declared else {"anyone"}
        cells = dict(zip(CALLERS, table[address.method, address.route], strict=True))
        if "anyone" not in holders:
            assert cells["anonymous"] == "401", str(address)
        for role in ("buyer", "seller", "admin"):
            if not holders & {role, "member", "anyone"}:
                assert cells[role] == "403", (str(address), role)


def test_views_outside_routes_do_not_exist(people):
    views = people.market.registry.introspector.get_category("views") or ()
    stray = [v["introspectable"]["callable"] for v in views if not v["introspectable"]["route_name"]]
    allowed = {"marketcore.web.errors", "pyramid.httpexceptions"}
    assert [view for view in stray if getattr(view, "__module__", "") not in allowed] == []
