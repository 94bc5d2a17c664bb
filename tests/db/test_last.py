"""What is sent with the commit: there if and only if the rest is, and nobody waits for it."""

from __future__ import annotations

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from marketcore.db.session import make_engine, make_session_factory

PUT = text("INSERT INTO things (number) VALUES (:number)")
PUT_AND_TELL = text("INSERT INTO things (number) VALUES (:number) RETURNING number")
ALL = text("SELECT number FROM things ORDER BY number")


@pytest.fixture
def engine(make_settings):
    made = make_engine(make_settings()["marketcore.database_url"], pool_size=1)
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE things (number bigint PRIMARY KEY CHECK (number > 0))"))
    yield made
    made.dispose()


@pytest.fixture
def session(engine):
    with make_session_factory(engine)() as made:
        yield made


def kept(engine):
    with engine.connect() as connection:
        return list(connection.execute(ALL).scalars())


@pytest.mark.parametrize("watched", [False, True])
def test_what_is_sent_last_is_there_with_the_rest_and_tells_its_rows(engine, session, watched):
    if watched:
        event.listen(engine, "before_cursor_execute", lambda *_seen: None)
    heard = []
    session.execute(PUT, {"number": 1})
    session.execute_last(PUT_AND_TELL, {"number": 2}, lambda rows: heard.extend(row.number for row in rows))
    session.execute_last(PUT, {"number": 3})
    session.commit()
    assert heard == [2]
    assert kept(engine) == [1, 2, 3]


@pytest.mark.parametrize("wrong", [0, 1])
def test_where_what_is_sent_last_fails_nothing_is_kept_and_the_connection_goes_on(engine, session, wrong):
    heard = []
    session.execute(PUT, {"number": 1})
    session.execute_last(PUT_AND_TELL, {"number": 2}, heard.extend)
    session.execute_last(PUT, {"number": wrong})
    with pytest.raises(DBAPIError):
        session.commit()
    session.rollback()
    assert (heard, kept(engine)) == ([], [])
    session.execute(PUT, {"number": 4})
    session.commit()
    assert kept(engine) == [4]


def test_a_commit_with_nothing_but_a_doubt_to_settle_fails_and_the_connection_goes_on(engine, session):
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE things ADD UNIQUE (number) DEFERRABLE INITIALLY DEFERRED"))
        connection.execute(text("ALTER TABLE things DROP CONSTRAINT things_pkey"))
    for _twice in range(2):
        session.execute(PUT, {"number": 1})
    with pytest.raises(DBAPIError, match="duplicate key"):
        session.commit()
    session.rollback()
    assert kept(engine) == []
    session.execute(PUT, {"number": 4})
    session.commit()
    assert kept(engine) == [4]


def test_what_waited_for_a_commit_is_forgotten_with_the_rollback(engine, session):
    session.execute_last(PUT, {"number": 1})
    session.rollback()
    session.execute(PUT, {"number": 2})
    session.commit()
    assert kept(engine) == [2]


@pytest.mark.parametrize("watched", [False, True])
def test_statements_together_see_what_those_before_have_written(engine, session, watched):
    if watched:
        event.listen(engine, "before_cursor_execute", lambda *_seen: None)
    put, found = session.execute_all((PUT_AND_TELL, {"number": 1}), (ALL, {}))
    assert [row.number for row in put] == [row.number for row in found] == [1]
