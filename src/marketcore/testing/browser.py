"""A real browser for tests: the system's Chromium where there is one, else the one that Playwright installs.

``python -m marketcore.testing.browser`` sees to it that there is one.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from asyncio.events import _get_running_loop, _set_running_loop
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = (sys.executable, "-m", "playwright", "install", "chromium")
REMEDY = "run `python -m playwright install chromium`, or install your system's package chromium"


class NoBrowser(Exception):
    """No browser was found, or none of those that were found starts."""


def browsers(playwright: Any) -> list[str]:
    """Return the programs to try, best first; ``playwright`` is a started Playwright."""
    of_the_system = [path for name in NAMES if (path := shutil.which(name))]
    own = playwright.chromium.executable_path
    return [*of_the_system, *([own] if Path(own).exists() else [])]


@contextmanager
def running_loop(loop: asyncio.AbstractEventLoop | None) -> Iterator[None]:
    """Let ``loop``, or none, count as the event loop that runs in this thread.

    Playwright's counts as running from its start to its end, although it stands still between two calls. With it set
    aside, files of tests without a browser can use asyncio.
    """
    before = _get_running_loop()
    _set_running_loop(loop)
    try:
        yield
    finally:
        _set_running_loop(before)


@contextmanager
def running_browser() -> Iterator[Any]:
    """Run a browser without windows; give its ``playwright.sync_api.Browser``, or raise ``NoBrowser``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launched(playwright)
        try:
            yield browser
        finally:
            browser.close()


def launched(playwright: Any) -> Any:
    """Start the first browser that does, without windows; ``NoBrowser`` says what kept each from starting."""
    from playwright.sync_api import Error

    faults = []
    for program in browsers(playwright):
        try:
            return playwright.chromium.launch(executable_path=program)
        except Error as error:
            faults.append(f"{program} does not start: {error.message.splitlines()[0]}")
    raise NoBrowser("; ".join([*faults, f"no browser is installed that tests can use: {REMEDY}"]))


def main() -> None:
    """Install Playwright's Chromium if there is no browser; exit with 1 and say what to do if that fails."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = browsers(playwright)
    if not found and subprocess.run(INSTALL, check=False).returncode != 0:  # noqa: S603
        sys.exit(f"the tests in a browser need one, and it could not be installed: {REMEDY}")


if __name__ == "__main__":
    main()
