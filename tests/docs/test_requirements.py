"""Every promise of a part that is built has a test, and the command that says so can fail."""

from __future__ import annotations

import shutil
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def requirements():
    spec = spec_from_file_location("requirements", ROOT / "tests/requirements.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks there for its annotations
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small(tmp_path):
    """A tree with a part that keeps its promise, one that does not, and one that is not there."""
    (tmp_path / "docs/reference").mkdir(parents=True)
    (tmp_path / "docs/reference/requirements.md").write_text(
        "| ids | what | parts |\n|---|---|---|\n| A1 B2 | it works | core, other |\n| C3 | later | missing |\n"
    )
    for folder, name in (("tests", "test_A1_B2_it_works"), ("plugins/other/tests", "test_A1_it_works_there")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "test_it.py").write_text(f"def {name}():\n    pass\n")
    return tmp_path


def test_every_line_of_what_is_built_has_a_test(requirements, capsys):
    assert requirements.main() == 0, capsys.readouterr().out


def test_a_line_without_a_test_is_named_and_fails(requirements, small, capsys):
    assert requirements.main(small) == 1
    shown = capsys.readouterr().out
    assert "B2   other             it works  NO TEST" in shown
    assert "C3   missing           later  not built" in shown
    assert "5 lines: 3 proved, 1 without, 1 not built" in shown


def test_lines_that_are_proved_or_not_built_do_not_fail(requirements, small):
    shutil.rmtree(small / "plugins")
    assert requirements.main(small) == 0
