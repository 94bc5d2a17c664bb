"""Telling people: in the application, live, by e-mail and by text message, each as they chose."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import text

from marketcore.directives import NotificationType
from marketcore.exceptions import Invalid, NotFound
from marketcore.notifications.presenting import present
from marketcore.notifications.rendering import Templates
from marketcore.notifications.rules import CHANNELS, chosen_channels

# One statement for everybody who is told: their choices, what lists show, and letters. Rows come in the order of the
# accounts, so that two who tell the same people wait for each other instead of colliding.
_NOTIFY = text(
    """WITH people AS (
           SELECT u.id, u.email, u.phone,
                  coalesce(c.in_app, :in_app) AS in_app, coalesce(c.email, :email) AS by_email,
                  coalesce(c.sms, :sms) AND :texting AND u.phone <> '' AS by_sms
           FROM users u LEFT JOIN (
               SELECT user_id, bool_or(enabled) FILTER (WHERE channel = 'in_app') AS in_app,
                      bool_or(enabled) FILTER (WHERE channel = 'email') AS email,
                      bool_or(enabled) FILTER (WHERE channel = 'sms') AS sms
               FROM notification_choices WHERE user_id = ANY(:users) AND type = :type AND :optional GROUP BY user_id
           ) c ON c.user_id = u.id
           WHERE u.id = ANY(:users)
       ), told AS (
           INSERT INTO notifications AS n (user_id, type, key, line, data)
           SELECT id, :type, :key, :line, CAST(:data AS jsonb) FROM people WHERE in_app ORDER BY id
           ON CONFLICT (user_id, type, key) WHERE read_at IS NULL AND key <> ''
           DO UPDATE SET line = excluded.line, data = excluded.data, times = n.times + 1, updated_at = market_clock()
           RETURNING id, user_id, type, line, data, times, created_at, updated_at, read_at
       ), written AS (
           INSERT INTO letters AS l (channel, user_id, address, type, items, digest)
           SELECT channel, id, address, :type, jsonb_build_array(CAST(:data AS jsonb)), :digest
           FROM (SELECT id, 'email' AS channel, email AS address FROM people WHERE by_email
                 UNION ALL SELECT id, 'sms', phone FROM people WHERE by_sms) addressed ORDER BY id, channel
           ON CONFLICT (user_id, type, channel) WHERE state = 'waiting' AND digest
           DO UPDATE SET items = CASE WHEN jsonb_array_length(l.items) < :most THEN l.items ELSE l.items - 0 END
                                 || excluded.items
           RETURNING id, user_id, (xmax = 0) AS begun
       )
       SELECT t.*, NULL AS letter_id FROM told t
       UNION ALL
       SELECT NULL, w.user_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, w.id FROM written w WHERE w.begun
       ORDER BY user_id, letter_id"""
)
_LIST = text(
    """SELECT id, type, line, data, times, created_at, updated_at, read_at FROM notifications
       WHERE user_id = :user AND id < :before AND (NOT CAST(:unread AS boolean) OR read_at IS NULL)
       ORDER BY id DESC LIMIT :limit"""
)
_UNREAD = text("SELECT count(*) FROM notifications WHERE user_id = :user AND read_at IS NULL")
_READ = text(
    """UPDATE notifications SET read_at = coalesce(read_at, market_clock()) WHERE id = :id AND user_id = :user
       RETURNING id"""
)
_READ_ALL = text("UPDATE notifications SET read_at = market_clock() WHERE user_id = :user AND read_at IS NULL")
_CHOICES = text("SELECT type, channel, enabled FROM notification_choices WHERE user_id = :user")
_CHOOSE = text(
    """INSERT INTO notification_choices (user_id, type, channel, enabled)
       SELECT :user, :type, channel, channel = ANY(:chosen) FROM unnest(CAST(:channels AS text[])) AS channel
       ON CONFLICT (user_id, type, channel) DO UPDATE SET enabled = excluded.enabled"""
)
LAST = 2**63 - 1
MOST_ITEMS = 50  # of a digest; the oldest give way


class NotificationService:
    """Tells people what happened, and keeps how they want to be told."""

    def __init__(
        self,
        session: Any,
        types: Mapping[str, NotificationType],
        templates: Templates,
        publish: Any,
        enqueue: Callable[..., Any],
        *,
        digest_minutes: int,
        sms: bool,
    ) -> None:
        self._session = session
        self._types = types
        self._templates = templates
        self._publish = publish
        self._enqueue = enqueue
        self._digest_seconds = 60 * digest_minutes
        self._sms = sms

    def notify(self, user_id: int, type: str, data: Mapping[str, Any], *, key: str = "") -> None:
        """Tell ``user_id`` of something of ``type``, within this transaction, by the channels they chose.

        ``data`` is a JSON object that the type's template reads. While the person has not read what ``key`` stands
        for, telling it again replaces it and counts up. ``LookupError`` for a type that nobody declared.
        """
        self.notify_all([user_id], type, data, key=key)

    def notify_all(self, user_ids: Iterable[int], type: str, data: Mapping[str, Any], *, key: str = "") -> None:
        """Tell everybody of ``user_ids`` the same; see ``notify``. It is one statement, and one for each letter."""
        declared = self._types.get(type)
        if declared is None:
            raise LookupError(f"no notification type is called {type!r}: declare it with add_notification_type")
        values = {
            **{channel: channel in declared.channels for channel in CHANNELS},
            "users": sorted(set(user_ids)),
            "type": type,
            "key": key,
            "line": self._templates.line(type, data),
            "data": json.dumps(dict(data)),
            "optional": declared.optional,
            "digest": declared.digest,
            "texting": self._sms,
            "most": MOST_ITEMS,
        }
        for row in self._session.execute(_NOTIFY, values):
            if row.letter_id is None:
                self._publish(f"user:{row.user_id}", "notification", present(row))
            else:
                delay = self._digest_seconds if declared.digest else 0
                self._enqueue("notifications.send_letter", letter_id=row.letter_id, delay_seconds=delay)

    def unread(self, user_id: int) -> int:
        """Return how many notifications somebody has not read."""
        count: int = self._session.execute(_UNREAD, {"user": user_id}).scalar_one()
        return count

    def page(self, user_id: int, before: int | None, limit: int, *, unread: bool) -> list[Any]:
        """Return rows of somebody's notifications, newest first."""
        values = {"user": user_id, "before": LAST if before is None else before, "limit": limit, "unread": unread}
        return list(self._session.execute(_LIST, values))

    def mark_read(self, user_id: int, notification_id: int) -> None:
        """Mark one notification as read; ``NotFound`` for anybody else's."""
        if self._session.execute(_READ, {"id": notification_id, "user": user_id}).first() is None:
            raise NotFound(f"you have no notification {notification_id}")

    def mark_all_read(self, user_id: int) -> None:
        """Mark all of somebody's notifications as read."""
        self._session.execute(_READ_ALL, {"user": user_id})

    def choices(self, user_id: int) -> list[dict[str, Any]]:
        """Return every type with the channels that somebody is told by."""
        chosen: dict[str, dict[str, bool]] = {}
        for row in self._session.execute(_CHOICES, {"user": user_id}):
            chosen.setdefault(row.type, {})[row.channel] = row.enabled
        return [
            {
                "type": name,
                "title": declared.title,
                "optional": declared.optional,
                "channels": sorted(chosen_channels(declared.channels, chosen.get(name, {}), declared.optional)),
            }
            for name, declared in sorted(self._types.items())
        ]

    def choose(self, user_id: int, type: str, channels: Sequence[str]) -> None:
        """Let somebody be told of ``type`` by exactly these channels; ``Invalid`` for a type that has to come."""
        declared = self._types.get(type)
        if declared is None:
            raise NotFound(f"there is no notification type {type!r}")
        if not declared.optional:
            raise Invalid(errors={"channels": f"{type} concerns your account's safety and cannot be switched off"})
        values = {"user": user_id, "type": type, "chosen": list(channels), "channels": list(CHANNELS)}
        self._session.execute(_CHOOSE, values)


def notification_service(_context: Any, request: Any) -> NotificationService:
    """Return the request's ``NotificationService``."""
    from marketcore.directives import table
    from marketcore.settings import section

    settings = section(request.registry, "notifications")
    return NotificationService(
        request.db,
        table(request.registry, "notification types"),
        request.registry["notification templates"],
        request.publish,
        request.enqueue,
        digest_minutes=settings["digest_minutes"],
        sms=bool(settings["sms_provider"]),
    )
