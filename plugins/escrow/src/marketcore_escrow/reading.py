"""Advertisements and applications as documents: read, never locked."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from marketcore.exceptions import NotFound
from marketcore.live.history import stream_position
from marketcore_escrow.presenting import present_advertisement, present_proof, present_whole
from marketcore_escrow.sql import ADVERTISEMENT, APPLICATION

_ONE = text(f"{ADVERTISEMENT} WHERE a.id = :id")
_PAGE = text(
    f"""{ADVERTISEMENT} WHERE a.state = :state AND a.id < :before
        AND (CAST(:owner AS bigint) IS NULL OR a.owner_id = :owner) ORDER BY a.id DESC LIMIT :limit"""
)
_OWN = text(f"{ADVERTISEMENT} WHERE a.owner_id = :user AND a.id < :before ORDER BY a.id DESC LIMIT :limit")
_APPLICATION = text(f"{APPLICATION} WHERE p.id = :id")
_FOR = text(f"{APPLICATION} WHERE p.advertisement_id = :id AND p.id < :before ORDER BY p.id DESC LIMIT :limit")
_MINE = text(f"{APPLICATION} WHERE p.applicant_id = :user AND p.id < :before ORDER BY p.id DESC LIMIT :limit")
_DISPUTED = text(f"{APPLICATION} WHERE p.state = 'disputed' AND p.id > :after ORDER BY p.id LIMIT :limit")
_PROOF = """SELECT f.*, m.state AS media_state, m.content_type, m.size_bytes, m.variants
            FROM escrow_proofs f LEFT JOIN media_objects m ON m.id = f.media_id"""
_PROOFS = text(f"{_PROOF} WHERE f.application_id = :id ORDER BY f.id")
_IMAGE = text(f"{_PROOF} WHERE f.id = :id")
_STEPS = text(
    "SELECT previous, state, actor_id, note, at FROM escrow_steps WHERE application_id = :id ORDER BY id LIMIT 1000"
)
LAST = 2**63 - 1


class EscrowReader:
    """Reads for one identity, or for a stranger (``None``)."""

    def __init__(self, session: Any, identity: Any) -> None:
        self._session = session
        self._identity = identity

    def advertisement(self, advertisement_id: int) -> dict[str, Any]:
        """Return an advertisement's document; ``NotFound``."""
        # The stream's position comes first, so that no event between the two is missed.
        stream = stream_position(self._session, f"advertisement:{advertisement_id}")
        row = self._session.execute(_ONE, {"id": advertisement_id}).first()
        if row is None:
            raise NotFound(f"there is no advertisement {advertisement_id}")
        return {**present_advertisement(row), "stream": stream}

    def exists(self, advertisement_id: int) -> bool:
        """Whether there is such an advertisement."""
        return self._session.execute(_ONE, {"id": advertisement_id}).first() is not None

    def page(self, state: str, owner_id: int | None, before: int | None, limit: int) -> list[Any]:
        """Return the rows of a page of advertisements in ``state``, newest first."""
        values = {"state": state, "owner": owner_id, "before": LAST if before is None else before, "limit": limit}
        return list(self._session.execute(_PAGE, values))

    def own(self, before: int | None, limit: int) -> list[Any]:
        """Return the rows of a page of one's own advertisements, newest first."""
        values = {"user": self._identity.user_id, "before": LAST if before is None else before, "limit": limit}
        return list(self._session.execute(_OWN, values))

    def applications(self, advertisement_id: int, before: int | None, limit: int) -> list[Any]:
        """Return the rows of a page of the applications for one's own advertisement (an admin: any), newest first."""
        row = self._session.execute(_ONE, {"id": advertisement_id}).first()
        if row is None or not (row.owner_id == self._identity.user_id or self._is_admin()):
            raise NotFound(f"there is no advertisement {advertisement_id} of yours")
        values = {"id": advertisement_id, "before": LAST if before is None else before, "limit": limit}
        return list(self._session.execute(_FOR, values))

    def mine(self, before: int | None, limit: int) -> list[Any]:
        """Return the rows of a page of one's own applications, newest first."""
        values = {"user": self._identity.user_id, "before": LAST if before is None else before, "limit": limit}
        return list(self._session.execute(_MINE, values))

    def disputed(self, after: int | None, limit: int) -> list[Any]:
        """Return the rows of a page of the applications that wait for an admin's decision, oldest first."""
        return list(self._session.execute(_DISPUTED, {"after": after or 0, "limit": limit}))

    def application(self, application_id: int) -> dict[str, Any]:
        """Return an application with its proofs and history, for the two people concerned and admins."""
        row = self._seen(application_id)
        values = {"id": application_id}
        proofs = [present_proof(proof, image_address(proof.id)) for proof in self._session.execute(_PROOFS, values)]
        return present_whole(row, proofs, self._session.execute(_STEPS, values).all())

    def image(self, proof_id: int) -> Any:
        """Return the image of a proof, for the two people concerned and admins; ``NotFound`` for anybody else."""
        proof = self._session.execute(_IMAGE, {"id": proof_id}).first()
        if proof is None or proof.media_id is None:
            raise NotFound(f"there is no image of proof {proof_id}")
        self._seen(proof.application_id)
        return proof

    def _seen(self, application_id: int) -> Any:
        row = self._session.execute(_APPLICATION, {"id": application_id}).first()
        concerned = row is not None and self._identity.user_id in (row.owner_id, row.applicant_id)
        if not (concerned or (row is not None and self._is_admin())):
            raise NotFound(f"there is no application {application_id} of yours")
        return row

    def _is_admin(self) -> bool:
        return "admin" in self._identity.roles


def image_address(proof_id: int) -> str:
    """Return where the image of a proof is served."""
    return f"/api/v1/advertisement-proofs/{proof_id}/image"


def escrow_reader(_context: Any, request: Any) -> EscrowReader:
    """Return the request's ``EscrowReader``."""
    return EscrowReader(request.db, request.identity)
