"""Who may listen to what and command what: every declared channel and command, as ``live_matrix.txt`` says.

``MARKETCORE_WRITE_MATRIX=1 pytest tests/surface/test_live_matrix.py`` writes the table anew. A channel is tried where
there is something (its row ends in ``there``) and where there is nothing; a command with no data at all: ``422`` says
that whoever sent it may. The people of the first columns have nothing to do with what they ask for; ``buyer_of_it``
and ``seller_of_it`` have.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from marketcore.directives import table
from marketcore.testing.live import LiveClient, LiveServer, Refused

from .addresses import NUMBER
from .people import People
from .world import World

TABLE = Path(__file__).with_name("live_matrix.txt")
CALLERS = ("anonymous", "buyer", "seller", "both", "admin", "blocked", "buyer_of_it", "seller_of_it")
HEADER = ("what", "name", *CALLERS)
WIDTHS = (9, 34, *(max(7, len(caller)) for caller in CALLERS))
_PARAMETER = re.compile(r"\{(\w+)\}")


@pytest.fixture(scope="module")
def world(people: People) -> World:
    return World(people)


@pytest.fixture(scope="module")
def ids(people: People, world: World) -> dict[str, object]:
    """What of this world each parameter of a channel can name."""
    return world.ids()


@pytest.fixture(scope="module")
def clients(people: People, world: World) -> Iterator[dict[str, LiveClient]]:
    tokens = {caller: people.token(caller) for caller in CALLERS[:6]}
    tokens |= {"buyer_of_it": world.buyer.access, "seller_of_it": world.seller.access}
    with LiveServer(people.market.registry) as live, ExitStack() as stack:
        yield {caller: stack.enter_context(LiveClient(live.url, token)) for caller, token in tokens.items()}


def heard(client: LiveClient, channel: str) -> str:
    """``joined``, or the status of the refusal."""
    try:
        assert client.subscribe(channel)["channel"] == channel
    except Refused as refused:
        return str(refused.problem["status"])
    client.send(op="unsubscribe", channel=channel)
    return "joined"


def answered(client: LiveClient, command: str) -> str:
    try:
        client.command(command, {})
    except Refused as refused:
        return str(refused.problem["status"])
    return "done"


def measured(registry, clients, ids) -> Iterator[tuple[str, ...]]:
    for pattern in sorted(table(registry, "live channels")):
        for where, values in (("there", ids), ("nowhere", dict.fromkeys(ids, NUMBER))):
            channel = _PARAMETER.sub(lambda found, values=values: str(values[found[1]]), pattern)
            yield (where, pattern, *(heard(clients[caller], channel) for caller in CALLERS))
    for command in sorted(table(registry, "live commands")):
        yield ("command", command, *(answered(clients[caller], command) for caller in CALLERS))


def line(cells: tuple[str, ...]) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def written() -> dict[tuple[str, ...], tuple[str, ...]]:
    rows = [tuple(row.split()) for row in TABLE.read_text().splitlines() if row and not row.startswith("#")]
    assert rows[0] == HEADER
    return {row[:2]: row[2:] for row in rows[1:]}


def differences(rows: list[tuple[str, ...]]) -> list[str]:
    """What ``rows`` and the table do not agree on."""
    known = written()
    missing = [f"to be written: {line(row)}" for row in rows if known.get(row[:2]) != row[2:]]
    gone = [key for key in known if key not in {row[:2] for row in rows}]
    return missing + [f"gone: {line((*key, *known[key]))}" for key in gone]


def test_every_channel_and_command_answers_everyone_as_the_table_says(whole, clients, ids) -> None:
    rows = list(measured(whole.registry, clients, ids))
    if os.environ.get("MARKETCORE_WRITE_MATRIX"):
        TABLE.write_text("\n".join(["# " + __doc__.splitlines()[0], line(HEADER), *map(line, rows)]) + "\n")
    assert differences(rows) == []


def test_a_channel_or_command_without_a_row_is_a_difference_and_so_is_a_row_without_one(
    whole, clients, ids, monkeypatch
) -> None:
    channels, commands = table(whole.registry, "live channels"), table(whole.registry, "live commands")
    monkeypatch.setitem(channels, "secret:{order_id}", channels["order:{order_id}"])
    monkeypatch.delitem(commands, "auctions.place_bid")
    found = differences(list(measured(whole.registry, clients, ids)))
    assert ["secret:{order_id}" in text for text in found] == [True, True, False]
    assert found[2].startswith("gone: command   auctions.place_bid")


def test_the_table_keeps_what_the_declarations_promise(whole) -> None:
    """What holds for whatever is added: nobody learns of what is not there, and permissions are as over HTTP."""
    permissions = table(whole.registry, "permissions declared")
    commands = table(whole.registry, "live commands")
    for (what, name), cells in written().items():
        by_caller = dict(zip(CALLERS, cells, strict=True))
        assert set(cells) <= {"joined", "404"} if what in ("there", "nowhere") else "joined" not in cells
        if what == "nowhere":
            assert set(cells) == {"404"}, name
        elif what == "command":
            permission = permissions[commands[name].permission]
            assert ("anyone" in permission.to) == (by_caller["anonymous"] != "401"), name
            assert not permission.trade or by_caller["blocked"] == "403", name


GUESSES = (
    "{name}:{id}:{id}",
    "{name}:0{id}",
    "{name}:{id} ",
    "{name}: {id}",
    "{name}:+{id}",
    "{name}:{id}.0",
    "{name}:-{id}",
    "{name}:*",
    "{name}:",
    "{name}",
    "{NAME}:{id}",
    "{name}s:{id}",
    "{name}/{id}",
    "../{name}:{id}",
    "{name}:{id}\n",
    "{name}:１",
    "*",
    "",
    "payment:{id}",
    "payout:{id}",
    "ledger:{id}",
    "jobs",
)


def test_guessed_names_lead_nowhere_even_for_admins_and_parties(whole, clients, ids) -> None:
    for pattern in table(whole.registry, "live channels"):
        name, _colon, parameter = pattern.partition(":")
        id_ = ids[parameter[1:-1]]
        for guess in GUESSES:
            channel = guess.format(name=name, NAME=name.upper(), id=id_)
            for caller in ("admin", "buyer_of_it", "seller_of_it", "anonymous"):
                assert heard(clients[caller], channel) == "404", (channel, caller)
