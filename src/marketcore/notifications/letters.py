"""Letters on their way: taken, written and sent, each in a transaction of its own.

A letter is marked as taken before it is sent, so that a digest is closed and what comes later begins another. A
process that dies in between sends it again: mail servers know no idempotency keys, and twice is better than never.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import text

from marketcore.db.session import perform
from marketcore.directives import table
from marketcore.notifications.mail import MailRefused, compose, send
from marketcore.settings import section
from marketcore.testing.crash import crash_point

log = structlog.get_logger(__name__)

_TAKE = text(
    """UPDATE letters SET state = 'taken' WHERE id = :id AND state IN ('waiting', 'taken')
       RETURNING id, channel, user_id, address, type, items"""
)
_NAME = text("SELECT coalesce(nullif(first_name, ''), username) FROM users WHERE id = :id")
_END = text("UPDATE letters SET state = :state, ended_at = market_clock(), items = '[]' WHERE id = :id")
# What nobody could send is kept longer: somebody may repair the server and repeat the job.
_FORGET = text(
    """DELETE FROM letters WHERE ended_at < market_clock() - make_interval(days => :days)
          OR (ended_at IS NULL AND created_at < market_clock() - make_interval(days => :days + 30))"""
)


def deliver(registry: Any, letter_id: int) -> None:
    """Send a letter; raise where a later try may help."""
    letter, user = perform(registry, _take, letter_id)
    if letter is None:
        return
    crash_point("notifications.taken")
    try:
        _send(registry, letter, user)
        state = "sent"
    except MailRefused as error:
        log.warning("letter_refused", letter_id=letter_id, type=letter.type, reason=str(error))
        state = "refused"
    perform(registry, lambda request: request.db.execute(_END, {"id": letter_id, "state": state}))


def _take(request: Any, letter_id: int) -> tuple[Any, dict[str, Any]]:
    letter = request.db.execute(_TAKE, {"id": letter_id}).first()
    name = request.db.execute(_NAME, {"id": letter.user_id}).scalar_one_or_none() if letter else None
    return letter, {"name": name or ""}


def _send(registry: Any, letter: Any, user: dict[str, Any]) -> None:
    settings = section(registry, "notifications")
    templates = registry["notification templates"]
    if letter.channel == "sms":
        line = templates.line(letter.type, letter.items[-1])
        table(registry, "sms providers")[settings["sms_provider"]].send(letter.address, line, str(letter.id))
        return
    written = templates.letter(letter.type, letter.items, user)
    folder = Path(section(registry, "marketcore")["data_dir"]) / "mail"
    send(compose(written, letter.address, settings), settings, folder)


def forget_sent(request: Any) -> None:
    """Delete letters that ended long ago, and those that have waited for longer than anybody will repair it."""
    request.db.execute(_FORGET, {"days": section(request.registry, "notifications")["keep_letters_days"]})
