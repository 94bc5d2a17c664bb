"""Facts about vendors; that one is verified or not any more is the core's ``SellerVerified``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KycDocumentChanged:
    """A paper took a step (see ``DocumentState``), or ``expiring``: it ends soon."""

    document_id: int
    user_id: int
    kind: str
    state: str
