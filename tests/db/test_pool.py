"""The pool of connections: a disposal leaves nothing open, whoever is using a connection meanwhile."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.db.session import make_engine


def test_a_connection_that_comes_back_after_the_disposal_is_closed(servers: tuple[str, str]) -> None:
    engine = make_engine(servers[0])
    in_use = engine.connect()
    driver: Any = in_use.connection.driver_connection
    engine.dispose()
    assert in_use.scalar(text("SELECT 1")) == 1, "whoever uses a connection may go on using it"
    in_use.close()
    assert driver.closed
    with engine.connect() as anew:
        assert anew.scalar(text("SELECT 1")) == 1
    engine.dispose()
