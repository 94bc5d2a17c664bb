"""One process of the bank that is killed: it says what it tries before, and what was acknowledged after."""

from __future__ import annotations

import random
import sys
from uuid import uuid4

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from marketcore.db.session import make_engine
from marketcore.exceptions import InsufficientFunds
from marketcore.ledger.accounts import wallet
from marketcore.ledger.services import LedgerService
from marketcore.ledger.transfers import Transfer


def main(url: str, seed: str) -> None:
    print(flush=True)  # whoever died here before may have been cut short in the middle of a line
    chance, engine = random.Random(int(seed)), make_engine(url, pool_size=1)
    while True:
        debit, credit = (wallet(number, "KES") for number in chance.sample(range(8), 2))
        wish = Transfer(uuid4(), debit, credit, chance.randint(1, 5), "test", "test", "1")
        print(f"tries {wish.id}", flush=True)
        try:
            with Session(engine) as session, session.begin():
                LedgerService(session).transfer([wish], event_id=wish.id)
        except (InsufficientFunds, DBAPIError):
            continue
        print(f"made {wish.id}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
