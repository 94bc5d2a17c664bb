"""Papers of vendors in outgoing webhooks, where the plugin ``webhooks`` is enabled."""

from __future__ import annotations

from typing import Any

from marketcore_vendors.events import KycDocumentChanged

STATES = ("submitted", "approved", "rejected", "expiring", "expired", "replaced")


def tell_paper(fact: KycDocumentChanged) -> tuple[str, dict[str, Any], tuple[int, ...]]:
    """Tell a vendor of a paper's step, by ids and states alone."""
    data = {"document_id": fact.document_id, "user_id": fact.user_id, "kind": fact.kind, "state": fact.state}
    return f"vendor.kyc_{fact.state}", data, (fact.user_id,)


def includeme(config: Any) -> None:
    """Let webhooks tell of papers."""
    config.add_webhook_type(KycDocumentChanged, [f"vendor.kyc_{state}" for state in STATES], tell_paper)
