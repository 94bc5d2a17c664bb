"""Many clients at once, each with its own connection; an error in any of them is the test's error."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session


def together(engine: Engine, *clients: Callable[[Session], Any]) -> list[Any]:
    """Run every client in a thread of its own with a session of its own; return their answers in order."""

    def run(client: Callable[[Session], Any]) -> Any:
        with Session(engine) as session:
            return client(session)

    with ThreadPoolExecutor(len(clients)) as pool:
        return [future.result() for future in [pool.submit(run, client) for client in clients]]
