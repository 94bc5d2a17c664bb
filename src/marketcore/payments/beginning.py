"""Beginning to pay from a view: the attempt is committed, its provider is asked, and the view goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marketcore.exceptions import Invalid
from marketcore.interfaces import Outcome
from marketcore.payments.asking import submit
from marketcore.payments.services import PaymentService
from marketcore.states import PaymentState
from marketcore.web.idempotency import keep_resource

_BEGUN = "marketcore.begun_payment"


def begin_payment(
    request: Any, purpose: str, reference: str, provider: str | None = None, payer: Mapping[str, Any] | None = None
) -> UUID:
    """Start to collect what ``reference`` costs and return the payment's id; its row says what the payer has to do.

    An attempt that provably never began is followed by the next provider's, unless one was named. It **commits**
    what the request has written so far together with the attempt, before the provider hears of it, and the view goes
    on in a new transaction. The view is ``idempotent=True``, and writes nothing where ``begun_payment`` tells that
    this request has begun one already; that one is returned.
    """
    if begun := begun_payment(request):
        return begun
    asked = {"purpose": purpose, "reference": reference, "provider": provider, "payer": payer or {}}
    payment_id, tried = _attempt(request, asked, ())
    while provider is None:
        row = request.find_service(PaymentService).read(payment_id, request.identity)
        if row.state != PaymentState.FAILED or row.reason != Outcome.NOT_ATTEMPTED:
            break
        tried = (*tried, row.provider)
        try:
            payment_id, tried = _attempt(request, asked, tried)
        except Invalid:
            break
    return payment_id


def begun_payment(request: Any) -> UUID | None:
    """Return the payment that this request has begun in an earlier try of it, or ``None``."""
    begun = request.kept_resource or request.environ.get(_BEGUN)
    return UUID(begun) if begun else None


def _attempt(request: Any, asked: dict[str, Any], tried: tuple[str, ...]) -> tuple[UUID, tuple[str, ...]]:
    user_id = request.authenticated_userid
    payment_id, callback_url = request.find_service(PaymentService).open(user_id, **asked, without=tried)
    keep_resource(request, str(payment_id))
    # The web server may try a request again whose first phase is committed; one without a key is known by this.
    request.environ[_BEGUN] = str(payment_id)
    # The attempt has to be a committed row before the first byte leaves for the provider.
    request.tm.commit()
    try:
        submit(request.registry, payment_id, callback_url)
    finally:
        request.tm.begin()
    return payment_id, tried
