"""``notifications.*``: how letters leave."""

from __future__ import annotations

import colander

from marketcore.identity.email import normalise_email


def _text(missing: str, description: str) -> colander.SchemaNode:
    return colander.SchemaNode(colander.String(), missing=missing, description=description)


def _is_address(node: colander.SchemaNode, value: str) -> None:
    try:
        normalise_email(value)
    except ValueError as error:
        raise colander.Invalid(node, str(error)) from None


class NotificationSettings(colander.MappingSchema):
    """The mail server, and who writes.

    Without a mail server, e-mails become files in the folder ``mail`` of ``marketcore.data_dir``.
    """

    site_url = _text(
        "",
        "where people's pages are: letters link to /orders/ID, /auctions/ID, /verify-email?token= and "
        "/reset-password?token= there; empty: they have no links",
    )
    site_name = _text("marketcore", "what letters call the marketplace")
    sender = colander.SchemaNode(
        colander.String(),
        missing="marketcore@localhost.localdomain",
        validator=_is_address,
        description="address that e-mails come from",
    )
    smtp_host = _text("", "mail server; empty: e-mails are written to files")
    smtp_port = colander.SchemaNode(colander.Integer(), missing=587, validator=colander.Range(1, 65535))
    smtp_security = colander.SchemaNode(
        colander.String(), missing="starttls", validator=colander.OneOf(["none", "starttls", "tls"])
    )
    smtp_user = _text("", "name at the mail server, if it wants one")
    smtp_password = _text("", "its password, best given as env:NAME")
    smtp_ca_file = _text("", "certificates to trust where the mail server's is of no public authority")
    sms_provider = _text("", "which registered SMS provider sends text messages, such as files; empty: none are sent")
    digest_minutes = colander.SchemaNode(
        colander.Integer(),
        missing=10,
        validator=colander.Range(0, 1440),
        description="how long repeated events are gathered into one letter",
    )
    keep_letters_days = colander.SchemaNode(colander.Integer(), missing=30, validator=colander.Range(1, 3650))
