"""E-mails as bytes, and the two ways they leave: to a mail server, or into a folder where there is none."""

from __future__ import annotations

import smtplib
import ssl
import uuid
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from pathlib import Path
from typing import Any

from marketcore.notifications.rendering import Written

TIMEOUT = 20


class MailRefused(Exception):
    """The mail server will never take this letter: the address does not exist, or the content is not wanted."""


def compose(written: Written, address: str, settings: Mapping[str, Any]) -> EmailMessage:
    """Return the e-mail to ``address``, in plain text and HTML."""
    message = EmailMessage()
    message["From"] = formataddr((settings["site_name"], settings["sender"]))
    message["To"] = address
    message["Subject"] = written.subject
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(domain=settings["sender"].rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(written.text)
    message.add_alternative(written.html, subtype="html")
    return message


def send(message: EmailMessage, settings: Mapping[str, Any], folder: Path) -> None:
    """Hand ``message`` to the mail server, or write it into ``folder`` where none is configured.

    ``MailRefused`` for a permanent refusal (5xx); ``OSError`` or ``smtplib.SMTPException`` where a later try may help.
    """
    if not settings["smtp_host"]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{uuid.uuid4().hex}.eml").write_bytes(bytes(message))
        return
    try:
        with _connected(settings) as server:
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= 500 for code, _text in error.recipients.values()):
            raise MailRefused(str(error)) from error
        raise
    except smtplib.SMTPResponseException as error:
        if error.smtp_code >= 500 and not isinstance(error, smtplib.SMTPAuthenticationError):
            raise MailRefused(str(error)) from error
        raise


def _connected(settings: Mapping[str, Any]) -> smtplib.SMTP:
    host, port, security = settings["smtp_host"], settings["smtp_port"], settings["smtp_security"]
    context = ssl.create_default_context()
    server: smtplib.SMTP
    if security == "tls":
        server = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT)
    try:
        if security == "starttls":
            server.starttls(context=context)
        if settings["smtp_user"]:
            server.login(settings["smtp_user"], settings["smtp_password"])
    except BaseException:
        server.close()
        raise
    return server
