"""Notifications: what people are told, and by which channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from marketcore.directives import table
from marketcore.events import OrderStateChanged, UserBlocked, ViolationRecorded
from marketcore.exceptions import ConfigurationError
from marketcore.notifications.rendering import Templates
from marketcore.notifications.services import NotificationService
from marketcore.notifications.settings import NotificationSettings
from marketcore.notifications.sms import SmsFolder
from marketcore.settings import section

AFTER_DECLARATIONS = 1000
_TYPES = (
    ("payment.received", "Your payment has arrived", "in_app email"),
    ("order.paid", "An order of yours is paid", "in_app email"),
    ("order.shipped", "Your order is on its way", "in_app email"),
    ("order.delivered", "Your order was delivered: say how it was", "in_app email"),
    ("order.expired", "Your order was not paid in time", "in_app"),
    ("violation.recorded", "Not paying counts as a violation", "in_app email"),
)
_ACCOUNT = (
    ("account.blocked", "Your account was blocked", "in_app email"),
    ("account.unblocked", "Your account is open again", "in_app email"),
)


def prepare(registry: Any) -> None:
    """Make the templates of every declared type; a chosen SMS provider has to exist."""
    types = table(registry, "notification types")
    settings = section(registry, "notifications")
    site = {"name": settings["site_name"], "url": settings["site_url"].rstrip("/")}
    folders = {name: one.templates for name, one in types.items()}
    registry["notification templates"] = Templates(folders, site, registry["secrets"].code, registry["secrets"].digits)
    wanted, known = settings["sms_provider"], table(registry, "sms providers")
    if wanted and wanted not in known:
        raise ConfigurationError(
            f"notifications.sms_provider = {wanted!r} is not registered: enable the plugin that has it "
            f"(registered: {', '.join(sorted(known)) or 'none'})"
        )


def includeme(config: Any) -> None:
    """Add notifications, their types and the letters."""
    config.add_settings_schema("notifications", NotificationSettings())
    config.declare_permission("notifications.own", "member")
    config.register_service_factory(".services.notification_service", NotificationService)
    for name, title, channels in _TYPES:
        config.add_notification_type(name, title=title, templates="marketcore.notifications:templates",
                                     channels=channels)  # fmt: skip
    for name, title, channels in _ACCOUNT:
        config.add_notification_type(name, title=title, templates="marketcore.notifications:templates",
                                     channels=channels, optional=False)  # fmt: skip
    folder = Path(section(config.registry, "marketcore")["data_dir"]) / "sms"
    config.add_sms_provider("files", SmsFolder(folder))
    config.add_live_event("user:{user_id}", "notification", ".schemas.NotificationDocument")
    config.add_event_subscriber(".subscribers.tell_of_order", OrderStateChanged)
    config.add_event_subscriber(".subscribers.tell_of_block", UserBlocked)
    config.add_event_subscriber(".subscribers.tell_of_violation", ViolationRecorded)
    config.add_job(".jobs.send_letter")
    config.add_periodic_job(".jobs.forget_letters", every_seconds=3600)
    config.action(("notifications", "templates"), prepare, args=(config.registry,), order=AFTER_DECLARATIONS)
    config.include(".routes")
    config.scan(".views")
