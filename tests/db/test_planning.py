"""Statements whose values are hidden from the planner are answered as ever."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from marketcore.db.planning import hide_values
from marketcore.db.session import make_engine
from marketcore.db.together import execute_together

SUM = "SELECT sum(n) AS sum, :few AS few, '1'::text AS one FROM unnest(:numbers) n WHERE n = ANY(:numbers) AND n > :few"


@pytest.fixture
def connection(make_settings):
    engine = make_engine(make_settings()["marketcore.database_url"], pool_size=1)
    with engine.connect() as made:
        yield made
    engine.dispose()


def test_hidden_values_answer_as_shown_ones_do(connection):
    hidden = text(hide_values(SUM, numbers="bigint[]", few="int"))
    for numbers in ([1, 2, 3], [], [5]):
        ((row,),) = execute_together(connection, (hidden, {"numbers": numbers, "few": 1}))
        assert tuple(row) == (sum(number for number in numbers if number > 1) or None, 1, "1")
