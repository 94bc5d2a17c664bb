"""A back office over fakepay, which lives beside the tests of payments."""

from __future__ import annotations

import sys
from pathlib import Path

PAYMENTS = Path(__file__).parents[1] / "payments"
for folder in (PAYMENTS, PAYMENTS / "fakepay"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from back_office import make_office, office  # noqa: E402, F401
from till import gateway  # noqa: E402, F401
