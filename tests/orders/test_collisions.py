"""A collision that the database itself reports is repeated with one effect, over HTTP and in a unit of work."""

from __future__ import annotations

import pytest

from marketcore.testing.shop import Shop

# The sequence keeps counting when the transaction is undone: the first attempt collides, the second does not.
_COLLIDE_ONCE = """
    CREATE SEQUENCE attempts;
    CREATE FUNCTION collide_once() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('attempts') = 1 THEN RAISE EXCEPTION 'collided' USING ERRCODE = '{code}'; END IF;
        RETURN NEW;
      END $$;
    CREATE TRIGGER collide_once BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION collide_once()
"""


# Live events are written in the round trip that commits.
@pytest.mark.parametrize("table", ["checkouts", "live_events"])
@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_checkout_that_collides_once_is_placed_once(market, code, table):
    shop = Shop(market, stock=5)
    market.query(_COLLIDE_ONCE.format(code=code, table=table))
    before = market.query("SELECT count(*) AS n FROM live_events")[0].n
    shop.check_out(1)
    assert market.query("SELECT last_value FROM attempts")[0].last_value == 2
    assert market.query("SELECT count(*) AS n FROM live_events")[0].n == before + 1
    assert market.query("SELECT count(*) AS n FROM checkouts")[0].n == 2
    assert shop.stock_left() == 3
