"""A served marketplace that takes KES through fakepay, and fakepay itself."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE / "fakepay"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from till import gateway, make_till, till  # noqa: E402, F401
