"""``notifications.*``: how letters leave."""

from __future__ import annotations

import colander


def _text(missing: str, description: str) -> colander.SchemaNode:
    return colander.SchemaNode(colander.String(), missing=missing, description=description)


class NotificationSettings(colander.MappingSchema):
    """The mail server, and who writes.

    Without a mail server, e-mails become files in the folder ``mail`` of ``marketcore.data_dir``.
    """

    site_name = _text("marketcore", "what letters call the marketplace")
    sender = _text("marketcore@localhost.localdomain", "address that e-mails come from")
    smtp_host = _text("", "mail server; empty: e-mails are written to files")
    smtp_port = colander.SchemaNode(colander.Integer(), missing=587, validator=colander.Range(1, 65535))
    smtp_security = colander.SchemaNode(
        colander.String(), missing="starttls", validator=colander.OneOf(["none", "starttls", "tls"])
    )
    smtp_user = _text("", "name at the mail server, if it wants one")
    smtp_password = _text("", "its password, best given as env:NAME")
    sms_provider = _text("", "which registered SMS provider sends text messages; empty: none are sent")
    digest_minutes = colander.SchemaNode(
        colander.Integer(),
        missing=10,
        validator=colander.Range(0, 1440),
        description="how long repeated events are gathered into one letter",
    )
    keep_letters_days = colander.SchemaNode(colander.Integer(), missing=30, validator=colander.Range(1, 3650))
