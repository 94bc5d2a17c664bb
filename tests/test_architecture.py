"""The house rules that a reader cannot be asked to check: who imports whom, sizes, names, documentation.

Each rule is a function from a source file to what is wrong with it; planted violations prove that each can fail.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

from marketcore.directives import DIRECTIVES

ROOT = Path(__file__).parents[1]
ROOMS = {"models", "rules", "services", "schemas", "routes", "views", "webhooks", "subscribers", "jobs", "admin"}
PURE = {f"marketcore.{name}" for name in ("money", "states", "exceptions", "events", "interfaces", "redaction")}
PURE |= {"marketcore.live.hub", "marketcore.live.channels"}
PURE_ROOMS = {"refusals", "bidding", "states", "weak_passwords"}
# The simulator imitates other people's systems; what it calls rules are theirs.
STAND_IN = "marketcore_simulator."
# A pure module is given the time and chance it decides by, and touches nothing outside.
IMPURE = {"time", "random", "secrets", "socket", "asyncio", "threading", "subprocess", "os", "urllib.request", "http"}
VENDORS = {"httpx", "websockets", "huey", "stripe", "razorpay", "obstore", "joserfc", "limits", "apispec", "typst"}
# What talks to our own servers from outside them.
CLIENTS = {"marketcore.live.client"}
WRITES = {"execute", "add", "add_all", "delete", "merge", "flush", "commit", "bulk_save_objects"}
BAD_NAME = re.compile(r"(?:^|_)(?:util|utils|helper|helpers|manager|managers|common|misc)(?:$|_)")
LONGEST_FILE, LONGEST_FUNCTION = 500, 60


@dataclass(frozen=True)
class Source:
    """One module: its dotted name, its text, and the plugins that its own plugin requires."""

    module: str
    text: str
    package: bool = False
    requires: frozenset[str] = frozenset()

    @property
    def tree(self) -> ast.Module:
        return parsed(self.text)

    @property
    def room(self) -> str:
        return room_of(self.module)


@cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


def room_of(module: str) -> str:
    return next((part for part in module.split(".")[1:] if part in ROOMS), "")


def is_pure(module: str) -> bool:
    if module.startswith(STAND_IN):
        return False
    return module in PURE or room_of(module) == "rules" or module.rpartition(".")[2] in PURE_ROOMS


def imported(source: Source) -> Iterator[tuple[str, str]]:
    """Yield (module, name) for each import, absolute; name is empty for ``import module``."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                source.module.split(".")[: len(source.module.split(".")) - node.level + source.package]
                if node.level
                else []
            )
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def reached(source: Source) -> set[str]:
    """The modules a source may mean: ``from a import b`` is ``a`` and perhaps ``a.b``."""
    return {module for module, _name in imported(source)} | {f"{m}.{n}" for m, n in imported(source) if n}


def tops(source: Source) -> set[str]:
    return {module.split(".")[0] for module, _name in imported(source)}


def pure_modules_import_only_the_standard_library_and_each_other(source: Source) -> list[str]:
    if not is_pure(source.module):
        return []
    faults = [f"imports {module}, which brings time, chance or the outside" for module in reached(source) & IMPURE]
    for module, name in imported(source):
        known = module.split(".")[0] in sys.stdlib_module_names or is_pure(module) or is_pure(f"{module}.{name}")
        faults += [] if known else [f"is pure and imports {module}"]
    return faults


def models_know_nothing_above_them(source: Source) -> list[str]:
    if source.room != "models":
        return []
    above = {module for module in reached(source) if room_of(module) in ROOMS - {"models", "rules"}}
    return [f"imports {module}" for module in above | (tops(source) & {"pyramid"})]


def services_know_neither_the_web_nor_a_vendor(source: Source) -> list[str]:
    if source.room != "services":
        return []
    above = {m for m in reached(source) if room_of(m) in {"views", "schemas", "routes", "webhooks"}}
    return [f"imports {module}" for module in above | (tops(source) & (VENDORS | {"pyramid"}))]


def views_reach_services_through_find_service(source: Source) -> list[str]:
    if source.room not in {"views", "webhooks"}:
        return []
    keys = {name for module, name in imported(source) if room_of(module) == "services"}
    faults = [
        f"imports {name} from services: only a class, as the key of find_service" for name in keys if name.islower()
    ]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in keys:
            faults.append(f"builds {node.func.id} itself: use request.find_service")
    return faults


def views_write_nothing(source: Source) -> list[str]:
    if source.room not in {"views", "webhooks"}:
        return []
    return [
        f"line {node.lineno}: calls db.{node.func.attr}: that is a service's work"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WRITES
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "db"
    ]


def the_core_imports_no_plugin(source: Source) -> list[str]:
    if source.module.split(".")[0] != "marketcore":
        return []
    return [f"imports {top}" for top in tops(source) if top.startswith("marketcore_")]


def a_plugin_imports_another_only_if_it_requires_it(source: Source) -> list[str]:
    own = source.module.split(".")[0]
    others = {top for top in tops(source) if top.startswith("marketcore_")} - {own}
    allowed = {f"marketcore_{name}" for name in source.requires}
    return [
        f"imports {other}, which its manifest does not require" for other in others - allowed if own != "marketcore"
    ]


def nobody_imports_a_private_name(source: Source) -> list[str]:
    private = [
        (m, n) for m, n in imported(source) if re.match(r"_[a-z]", n) and m.split(".")[0].startswith("marketcore")
    ]
    return [f"imports {name} from {module}" for module, name in private]


def files_are_short(source: Source) -> list[str]:
    lines = source.text.count("\n")
    return [f"has {lines} lines; split it by subject"] if lines > LONGEST_FILE and not is_migration(source) else []


def functions_are_short(source: Source) -> list[str]:
    if is_migration(source):
        return []
    functions = (n for n in ast.walk(source.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [f"{f.name} has {length(f)} lines" for f in functions if length(f) > LONGEST_FUNCTION]


def is_migration(source: Source) -> bool:
    return ".migrations." in source.module


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def money_never_meets_a_float(source: Source) -> list[str]:
    words = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
    if not any(word == "Money" or word == "minor" or word.endswith("_minor") for word in words):
        return []
    return [
        f"line {node.lineno}: float() in a module that handles money"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
    ]


def names_are_of_the_trade(source: Source) -> list[str]:
    return [f"is called {part}: name what it is about" for part in source.module.split(".") if BAD_NAME.search(part)]


RULES = (
    pure_modules_import_only_the_standard_library_and_each_other,
    models_know_nothing_above_them,
    services_know_neither_the_web_nor_a_vendor,
    views_reach_services_through_find_service,
    views_write_nothing,
    the_core_imports_no_plugin,
    a_plugin_imports_another_only_if_it_requires_it,
    nobody_imports_a_private_name,
    files_are_short,
    functions_are_short,
    money_never_meets_a_float,
    names_are_of_the_trade,
)


def required_plugins(init: Path) -> frozenset[str]:
    for node in ast.walk(parsed(init.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Plugin":
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            return frozenset(ast.literal_eval(given["requires"])) if "requires" in given else frozenset()
    return frozenset()


@cache
def sources() -> tuple[Source, ...]:
    found = []
    for package in [ROOT / "src/marketcore", *sorted(ROOT.glob("plugins/*/src/marketcore_*"))]:
        requires = required_plugins(package / "__init__.py")
        for path in sorted(package.rglob("*.py")):
            parts = path.relative_to(package.parent).with_suffix("").parts
            module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found.append(Source(module, path.read_text(), parts[-1] == "__init__", requires))
    return tuple(found)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule):
    assert [f"{source.module}: {fault}" for source in sources() for fault in rule(source)] == []


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_a_vendor_is_imported_in_one_place_of_each_side_of_each_distribution(vendor):
    users = [s.module for s in sources() if vendor in tops(s) and not s.module.startswith("marketcore.testing")]
    for side, modules in groupby(sorted(users, key=side_of), key=side_of):
        assert one_place(list(modules)), f"{side} imports {vendor} in {users}"


def side_of(module: str) -> str:
    """The distribution, or the client in it: whoever calls a server knows nothing of how that server is made."""
    return module if module in CLIENTS else module.split(".", maxsplit=1)[0]


def one_place(modules: list[str]) -> bool:
    """One module, or the modules of one package within a room."""
    packages = {module.rpartition(".")[0] for module in modules}
    return len(modules) == 1 or (len(packages) == 1 and packages.pop().count(".") >= 2)


LONG_FUNCTION = "def f():\n" + '    """Doc."""\n' + "    x = 1\n" * LONGEST_FUNCTION
PLANTED = [
    (RULES[0], Source("marketcore.money", "import sqlalchemy")),
    (RULES[0], Source("marketcore.orders.rules", "from datetime import datetime\nimport random")),
    (RULES[0], Source("marketcore_auctions.bidding", "from marketcore.db import clock")),
    (RULES[0], Source("marketcore.live.hub", "from marketcore.live.publisher import publish")),
    (RULES[1], Source("marketcore.orders.models", "from marketcore.orders.services import OrderService")),
    (RULES[1], Source("marketcore.orders.models", "from .services import OrderService")),
    (RULES[1], Source("marketcore.orders.models", "def f():\n    from pyramid.request import Request")),
    (RULES[2], Source("marketcore.orders.services", "from pyramid.response import Response")),
    (RULES[2], Source("marketcore.orders.services.paying", "from marketcore.orders import schemas")),
    (RULES[2], Source("marketcore_sms.services", "import httpx")),
    (RULES[3], Source("marketcore.orders.views", "from marketcore.orders.services import place_order")),
    (RULES[3], Source("marketcore.orders.views", "from .services import OrderService\nOrderService(1)")),
    (RULES[4], Source("marketcore.orders.views", "def v(request):\n    request.db.execute(1)")),
    (RULES[4], Source("marketcore.payments.webhooks", "def v(request):\n    request.db.add(1)")),
    (RULES[5], Source("marketcore.orders.jobs", "import marketcore_auctions")),
    (RULES[6], Source("marketcore_wallet.services", "from marketcore_auctions.models import Lot")),
    (RULES[7], Source("marketcore.orders.jobs", "from marketcore.orders.services import _insert")),
    (RULES[8], Source("marketcore.orders.services", "x = 1\n" * (LONGEST_FILE + 1))),
    (RULES[9], Source("marketcore.orders.services", LONG_FUNCTION)),
    (RULES[10], Source("marketcore.orders.rules", "def f(amount_minor):\n    return float(amount_minor)")),
    (RULES[11], Source("marketcore.orders.utils", "")),
    (RULES[11], Source("marketcore.string_helpers", "")),
]
CLEAN = [
    Source("marketcore.orders.rules", "import enum\nfrom marketcore.money import Money\nfrom marketcore import states"),
    Source("marketcore.orders.models", "from marketcore.db.base import Base\nfrom marketcore.orders.rules import Step"),
    Source("marketcore.orders.services", "from marketcore.orders.models import Order\nimport sqlalchemy"),
    Source("marketcore.orders.views", "from .services import OrderService\nOrderService.title"),
    Source("marketcore_wallet.services", "from marketcore_escrow.events import Held", requires=frozenset({"escrow"})),
    Source("marketcore.jobs.status", "age_seconds = float(1)"),
    Source("marketcore.migrations.versions.core_0001", "x = 1\n" * (LONGEST_FILE + 1)),
    Source("marketcore.orders.commonality", ""),
]


@pytest.mark.parametrize(("rule", "source"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_violation_is_found(rule, source):
    assert rule(source)


def test_every_rule_has_a_planted_violation():
    assert {rule for rule, _source in PLANTED} == set(RULES)


@pytest.mark.parametrize("source", CLEAN, ids=lambda source: source.module)
def test_what_is_allowed_is_not_found(source):
    assert [fault for rule in RULES for fault in rule(source)] == []


def test_two_places_are_not_one():
    assert one_place(["marketcore.live.server"])
    assert one_place(["marketcore.live.gateway.server", "marketcore.live.gateway.sockets"])
    assert not one_place(["marketcore.live.server", "marketcore.live.client"])
    assert not one_place(["marketcore.live.server", "marketcore.jobs.consumer"])
    assert side_of("marketcore.live.client") != side_of("marketcore.live.server") == side_of("marketcore.jobs.consumer")


def heading(name: str) -> str:
    """The heading of a directive in its reference: the call with its arguments, without types."""
    signature = inspect.signature(DIRECTIVES[name])
    plain = [p.replace(annotation=p.empty) for p in list(signature.parameters.values())[1:]]
    return f"## `config.{name}{inspect.Signature(plain)}`".replace("'", '"')


def test_every_directive_is_documented_under_its_signature_and_nothing_else_is():
    headings = re.findall(r"^## `config\..*`$", (ROOT / "docs/reference/directives.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(heading(name) for name in DIRECTIVES)


def test_every_directive_is_used_by_the_core_or_by_a_plugin_here():
    used = {
        node.func.attr
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert set(DIRECTIVES) - used == set()


def test_the_layers_hold_also_through_indirect_imports():
    # A process of its own: import-linter puts the logging of its process to its own use.
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
