"""Making files, and issuing what nobody was there to issue."""

from __future__ import annotations

from typing import Any

from marketcore_invoices.services import IssuingService, PrintingService

BATCH = 100


def make_pdf(request: Any, document_id: int) -> None:
    """Make the PDF of a document."""
    request.find_service(PrintingService).make(document_id)


def issue_missing(request: Any) -> None:
    """Issue what orders were owed while this plugin was not enabled, a batch at a time."""
    if request.find_service(IssuingService).issue_missing(BATCH):
        request.enqueue("invoices.issue_missing")
