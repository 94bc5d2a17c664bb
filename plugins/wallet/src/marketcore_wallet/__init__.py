"""Wallets: people's own money on the marketplace."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("wallet", "Wallets: recharge, pay, hold, and be refunded to")


def includeme(config: Any) -> None:
    """Add wallets, and the provider ``wallet``."""
    from marketcore_wallet.provider import WalletProvider
    from marketcore_wallet.recharges import RechargeService
    from marketcore_wallet.services import WalletService
    from marketcore_wallet.settings import WalletSettings

    settings = config.add_settings_schema("wallet", WalletSettings())
    config.add_migrations("wallet", "marketcore_wallet:migrations")
    config.declare_permission("wallet.balance.read", "member")
    config.declare_permission("wallet.recharge.make", "member", trade=True)
    config.declare_permission("wallet.recharge.refund", "admin")
    config.register_service_factory(".services.wallet_service", WalletService)
    config.register_service_factory(".recharges.recharge_service", RechargeService)
    config.add_payment_provider("wallet", WalletProvider(settings["currencies"]))
    config.add_payment_purpose("wallet_recharge", ".purposes.recharge_purpose")
    config.include(".routes")
    config.scan(".views")
