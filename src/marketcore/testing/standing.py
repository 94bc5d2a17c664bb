"""Marketplaces that outlive a test: configured and served once for all tests that want the same one.

A test gets what it always got, a marketplace over a fresh database in which nothing has happened. Only the
application is one that others have used: it is handed on while its registry is as it was configured, and what it
remembers of the old database is forgotten.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from marketcore.testing.databases import connected, creation, new_name, removal, with_database
from marketcore.testing.market import Market

IDLE = 6  # kept at most, for tests alike stand together
# Made when first asked for, the same for every database.
_LATER = frozenset({"openapi_document"})


class Standing:
    """Lends marketplaces and takes them back; ``settings(plugins, overrides, url, folder)`` says what one is."""

    def __init__(
        self, admin_url: str, template: Callable[..., str], settings: Callable[..., dict[str, Any]], folder: Path
    ) -> None:
        self._admin_url = admin_url
        self._admin = connected(admin_url)  # kept: to connect costs a fifth of what creating and dropping does
        self._template = template
        self._settings = settings
        self._folder = folder
        self._made = 0
        self._idle: list[_Stall] = []

    @contextmanager
    def lend(self, *plugins: str, **overrides: Any) -> Iterator[Market]:
        """Yield a served marketplace over a fresh database; the next borrower gets it if it is left as it was."""
        stall = self._find((plugins, overrides)) or self._build(plugins, overrides)
        try:
            self._admin.execute(creation(stall.database, self._template(*plugins)).encode())
            yield stall.market
        finally:
            fit = stall.clear()
            self._admin.execute(removal(stall.database).encode())
            self._keep(stall) if fit else stall.close()

    def close(self) -> None:
        """Close every marketplace that nobody uses; none is lent afterwards."""
        while self._idle:
            self._idle.pop().close()
        self._admin.close()

    def _find(self, wanted: tuple[Any, ...]) -> _Stall | None:
        for stall in self._idle:
            if stall.wanted == wanted:
                self._idle.remove(stall)
                return stall
        return None

    def _build(self, plugins: tuple[str, ...], overrides: dict[str, Any]) -> _Stall:
        self._made += 1
        folder = self._folder / str(self._made)
        database = new_name()
        url = with_database(self._admin_url, database)
        return _Stall((plugins, overrides), database, folder, self._settings(plugins, overrides, url, folder))

    def _keep(self, stall: _Stall) -> None:
        self._idle.append(stall)
        if len(self._idle) > IDLE:
            self._idle.pop(0).close()


class _Stall:
    """One marketplace with its address, its database and its folder."""

    def __init__(self, wanted: tuple[Any, ...], database: str, folder: Path, settings: dict[str, Any]) -> None:
        self.wanted = wanted
        self.database = database
        self._folder = folder
        self.market = Market(settings)
        self._stack = ExitStack()
        self._stack.callback(self.market.close)
        self._stack.enter_context(self.market.serving())
        self._as_made = _content(self.market.registry)

    def clear(self) -> bool:
        """Forget what happened; return whether the marketplace is as it was made, with nothing going on in it."""
        if not self.market.part() or self.market.spent or _content(self.market.registry) != self._as_made:
            return False
        _forget(self.market.registry)
        for path in self._folder.glob("*/**/*"):
            if path.is_file():
                path.unlink()
        return True

    def close(self) -> None:
        self._stack.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _content(registry: Any) -> tuple[Any, ...]:
    """Return what a test could change in a configured marketplace: entries, settings, tables, listeners."""
    entries = {key: _copied(value) for key, value in registry.items() if key not in _LATER and value != {}}
    engine = registry["engine"]
    heard = [_listeners(party.dispatch) for party in (engine, engine.dialect, engine.pool)]
    return entries, heard


def _listeners(dispatch: Any) -> dict[str, int]:
    return {name: len(getattr(dispatch, name)) for name in dir(dispatch) if not name.startswith("_")}


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [*value] if isinstance(value, list) else value


def _forget(registry: Any) -> None:
    """Let nothing that a process remembers outlive the database it was about."""
    registry["identities"].forget()
    registry["metrics"].forget()
    for limits in (registry["rate_limits"], registry["login_attempts"].limits):
        limits.namespace = uuid.uuid4().hex
