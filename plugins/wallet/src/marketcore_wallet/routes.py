"""Addresses of wallets."""

from __future__ import annotations

from typing import Any

from marketcore.web.openapi import UUID_PATTERN

_RECHARGE = f"/api/v1/wallet/recharges/{{recharge_id:{UUID_PATTERN}}}"


def includeme(config: Any) -> None:
    """Add the routes."""
    config.add_route("wallet.balances", "/api/v1/wallet")
    config.add_route("wallet.history", "/api/v1/wallet/history")
    config.add_route("wallet.recharges", "/api/v1/wallet/recharges")
    config.add_route("wallet.recharge", _RECHARGE)
    config.add_route("wallet.recharge.refunds", f"{_RECHARGE}/refunds")
