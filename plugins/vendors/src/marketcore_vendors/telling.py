"""What vendors are told about their verification and papers: by the channels they chose, and live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketcore.notifications.services import NotificationService
from marketcore.web.schema import Schema, flag, key, nullable, text

CHANNEL = "user:{user_id}"
_TEMPLATES = "marketcore_vendors:templates"
_VERIFICATION = {"vendor.verified": "You are verified", "vendor.revoked": "You are not verified any more"}
_PAPERS = {
    "vendor.kyc_approved": "A paper of yours was approved",
    "vendor.kyc_rejected": "A paper of yours was rejected",
    "vendor.kyc_expiring": "A paper of yours expires soon",
    "vendor.kyc_expired": "A paper of yours has expired",
}


class VerificationNews(Schema):
    """Whether an admin vouches for the vendor from now on, and what they said."""

    user_id = key()
    verified = flag()
    reason = text(500)


class PaperNews(Schema):
    """A paper as it stands now."""

    document_id = key()
    kind = text(40)
    state = text(10)
    reason = text(500)
    expires_on = nullable(text(10))


class Teller:
    """Tells one vendor, within the transaction, of what concerns them."""

    def __init__(self, notifications: NotificationService, publish: Any) -> None:
        self._notifications = notifications
        self._publish = publish

    def tell_verification(self, user_id: int, verified: bool, reason: str) -> None:
        """Tell a vendor that they are verified, or not any more."""
        type = "vendor.verified" if verified else "vendor.revoked"
        self._tell(user_id, type, {"user_id": user_id, "verified": verified, "reason": reason})

    def tell_paper(self, paper: Any, step: str) -> None:
        """Tell a vendor that ``paper`` (a ``KycDocument``) is ``approved``, ``rejected``, ``expiring``, ``expired``."""
        self._tell(
            paper.user_id,
            f"vendor.kyc_{step}",
            {
                "document_id": paper.id,
                "kind": paper.kind,
                "state": paper.state,
                "reason": paper.reason,
                "expires_on": paper.expires_on.isoformat() if paper.expires_on else None,
            },
        )

    def _tell(self, user_id: int, type: str, data: Mapping[str, Any]) -> None:
        self._notifications.notify(user_id, type, data)
        self._publish(CHANNEL.format(user_id=user_id), type, data)


def teller(_context: Any, request: Any) -> Teller:
    """Return the request's ``Teller``."""
    return Teller(request.find_service(NotificationService), request.publish)


def includeme(config: Any) -> None:
    """Add the types of notifications and the live events."""
    for types, schema in ((_VERIFICATION, VerificationNews), (_PAPERS, PaperNews)):
        for name, title in types.items():
            config.add_notification_type(name, title=title, templates=_TEMPLATES)
            config.add_live_event(CHANNEL, name, schema)
    config.register_service_factory(teller, Teller)
