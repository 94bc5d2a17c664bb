"""``wallet.*``."""

from __future__ import annotations

import colander

from marketcore.money import CURRENCIES
from marketcore.settings import Currencies


class WalletSettings(colander.MappingSchema):
    """What wallets hold."""

    currencies = colander.SchemaNode(
        Currencies(), missing=sorted(CURRENCIES), description="what can be recharged and paid with; left out: all"
    )
