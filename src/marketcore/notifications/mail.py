"""E-mails as bytes, and the two ways they leave: to a mail server, or into a folder where there is none."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import uuid
from collections.abc import Iterator, Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from marketcore.notifications.rendering import Written

TIMEOUT = 20


class MailRefused(Exception):
    """The mail server will never take this letter: the address does not exist, or the content is not wanted."""


def compose(written: Written, address: str, settings: Mapping[str, Any]) -> EmailMessage:
    """Return the e-mail to ``address``, in plain text and HTML."""
    message = EmailMessage()
    message["From"] = Address(settings["site_name"], addr_spec=settings["sender"])
    message["To"] = Address(addr_spec=address)
    message["Subject"] = written.subject
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(domain=_domain(settings))
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(written.text)
    message.add_alternative(written.html, subtype="html")
    return message


def send(message: EmailMessage, settings: Mapping[str, Any], folder: Path) -> None:
    """Hand ``message`` to the mail server, or write it into ``folder`` where none is configured.

    ``MailRefused`` where the server refuses the recipient or the content for good (5xx); ``OSError`` or
    ``smtplib.SMTPException`` where a later try may help, a server that is not set up rightly among them.
    """
    if not settings["smtp_host"]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{uuid.uuid4().hex}.eml").write_bytes(bytes(message))
        return
    with _connected(settings) as server:
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _answer),) = error.recipients.values()
            _give_up(code, error)
        except smtplib.SMTPDataError as error:
            _give_up(error.smtp_code, error)


def _give_up(code: int, error: smtplib.SMTPException) -> None:
    if code < 500:
        raise error
    # What servers say repeats the address, which is nothing for a log.
    raise MailRefused(f"the mail server refuses it with {code}") from None


@contextlib.contextmanager
def _connected(settings: Mapping[str, Any]) -> Iterator[smtplib.SMTP]:
    server = _server(settings)
    try:
        if settings["smtp_security"] == "starttls":
            server.starttls(context=_context(settings))
        if settings["smtp_user"]:
            server.login(settings["smtp_user"], settings["smtp_password"])
        yield server
        # The letter is theirs by now, whatever becomes of the farewell.
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        server.close()


def _server(settings: Mapping[str, Any]) -> smtplib.SMTP:
    host, port, own = settings["smtp_host"], settings["smtp_port"], _domain(settings)
    if settings["smtp_security"] == "tls":
        return smtplib.SMTP_SSL(host, port, local_hostname=own, timeout=TIMEOUT, context=_context(settings))
    return smtplib.SMTP(host, port, local_hostname=own, timeout=TIMEOUT)


def _context(settings: Mapping[str, Any]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings["smtp_ca_file"] or None)


def _domain(settings: Mapping[str, Any]) -> str:
    domain: str = settings["sender"].rpartition("@")[2]
    return domain
