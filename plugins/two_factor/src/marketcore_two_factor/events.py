"""Facts about second factors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SecondFactorChanged:
    """Somebody has set up a factor (``email`` or ``totp``), or it was removed (``enabled`` false)."""

    user_id: int
    method: str
    enabled: bool
