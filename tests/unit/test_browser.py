"""Which browser the tests take, and what somebody is told who has none."""

from __future__ import annotations

import asyncio
import sys
from types import SimpleNamespace

import pytest
from playwright.sync_api import Error

from marketcore.testing import browser
from marketcore.testing.browser import NoBrowser, browsers, launched


class Playwright:
    """Playwright with a browser of its own at ``executable_path``; the programs in ``broken`` do not start."""

    def __init__(self, executable_path, broken=()):
        self.chromium = SimpleNamespace(executable_path=str(executable_path), launch=self.launch)
        self.broken = broken

    def launch(self, executable_path):
        if executable_path in self.broken:
            raise Error("it lacks a library\nand more")
        return executable_path


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return ``program(name)``: the path of a new program that can be found by its name."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(name):
        path = tmp_path / name
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_the_browser_of_the_system_goes_before_the_one_of_playwright(program):
    chrome, own = program("google-chrome"), program("own")
    assert browsers(Playwright(own)) == [chrome, own]
    chromium = program("chromium")
    assert launched(Playwright(own)) == chromium


def test_a_browser_that_does_not_start_is_passed_over(program):
    chromium, own = program("chromium"), program("own")
    assert launched(Playwright(own, broken=[chromium])) == own


def test_without_a_browser_one_is_told_what_to_do(program):
    chromium = program("chromium")
    with pytest.raises(NoBrowser, match=r"chromium does not start: it lacks a library; .*playwright install chromium"):
        launched(Playwright("/nowhere", broken=[chromium]))


def test_where_none_can_be_installed_the_step_of_make_fails_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(browser, "browsers", lambda _playwright: [])
    monkeypatch.setattr(browser, "INSTALL", (sys.executable, "-c", "raise SystemExit('no network')"))
    with pytest.raises(SystemExit, match="run `python -m playwright install chromium`"):
        browser.main()


def test_asyncio_can_be_used_until_a_page_is_opened(browser_of_the_run):
    async def answer():
        return 42

    assert asyncio.run(answer()) == 42


def test_a_page_is_opened_after_that(page):
    page.set_content("<h1>Here</h1>")
    assert page.inner_text("h1") == "Here"
