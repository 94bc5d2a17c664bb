"""Every place at which a test can let a process die is one at which a test does."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "src", *(ROOT / "plugins").glob("*/src")]
TESTS = [ROOT / "tests", *(ROOT / "plugins").glob("*/tests")]


def files(folders):
    return [path for folder in folders for path in folder.rglob("*.py") if path != Path(__file__)]


def constants(tree, name):
    """Return the texts given as keyword ``name`` anywhere, such as ``subject="refund"`` of an operation."""
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == name]
    return {node.value.value for node in keywords if isinstance(node.value, ast.Constant)}


def outgoing_subjects(trees):
    """Return what operations of the one engine for outgoing money are called."""
    calls = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Outgoing"
    ]
    return {subject for call in calls for subject in constants(call, "subject")}


def points(trees):
    """Return the names of all crash points; one named after its operation stands for each operation."""
    given = [
        node.args[0]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "crash_point"
    ]
    names = {name.value for name in given if isinstance(name, ast.Constant)}
    endings = {name.values[-1].value for name in given if isinstance(name, ast.JoinedStr)}
    return names | {f"{subject}{ending}" for subject in outgoing_subjects(trees) for ending in endings}


def test_every_crash_point_of_the_source_is_crossed_by_a_test():
    trees = [ast.parse(path.read_text()) for path in files(SOURCES)]
    found = points(trees)
    assert {"payments.before_start", "refunds.before_submit", "jobs.claimed"} <= found
    tests = "\n".join(path.read_text() for path in files(TESTS))
    untested = sorted(name for name in found if f'"{name}"' not in tests)
    assert untested == [], "let a process die there (MARKETCORE_CRASH_AT) in a test, and look at what it leaves"
