"""Messaging: private conversations, rooms of orders, contacts, and statuses for a day."""

from __future__ import annotations

from typing import Any

from marketcore.plugins import Plugin

plugin = Plugin("messaging", "Private conversations, rooms of orders, contacts, statuses", optional=("webhooks",))


def includeme(config: Any) -> None:
    """Add conversations over HTTP and sockets, people and statuses, and what the clock does to them."""
    from marketcore.events import MediaProcessed
    from marketcore_messaging.beginning import BeginningService
    from marketcore_messaging.files import AttachmentService
    from marketcore_messaging.people import PeopleService
    from marketcore_messaging.reading import ConversationReader
    from marketcore_messaging.services import MessageService
    from marketcore_messaging.settings import MessagingSettings
    from marketcore_messaging.statuses import StatusService

    config.add_settings_schema("messaging", MessagingSettings())
    config.add_migrations("messaging", "marketcore_messaging:migrations")
    config.declare_permission("messaging.own", "member")
    config.declare_permission("messaging.message.send", "member", trade=True)
    config.register_service_factory(".reading.conversation_reader", ConversationReader)
    config.register_service_factory(".beginning.beginning_service", BeginningService)
    config.register_service_factory(".services.message_service", MessageService)
    config.register_service_factory(".files.attachment_service", AttachmentService)
    config.register_service_factory(".people.people_service", PeopleService)
    config.register_service_factory(".statuses.status_service", StatusService)
    config.add_notification_type(
        "message.unread", title="Somebody has written to you", templates="marketcore_messaging:templates", digest=True
    )
    config.add_event_subscriber(".files.tell_file", MediaProcessed)
    config.add_periodic_job(".jobs.remind_of_unread", every_seconds=15)
    config.add_periodic_job(".jobs.sweep", every_seconds=600)
    config.include(".limits")
    config.include(".channels")
    config.include(".routes")
    config.scan(".views")
    config.scan(".people_views")
    config.scan(".status_views")
    if hasattr(config, "add_webhook_type"):
        config.include(".hooks")
