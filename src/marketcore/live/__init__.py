"""Live channels: events written with the change they tell of, and the process that carries them to sockets."""

from __future__ import annotations

from typing import Any


def includeme(config: Any) -> None:
    """Add publishing, tickets and the live process."""
    # Here, so that a program which only listens (``client``) does not load the server.
    from marketcore.events import EmailVerified, SessionsRevoked, UserBlocked
    from marketcore.live.settings import LiveSettings
    from marketcore.live.tickets import TicketService

    config.add_settings_schema("live", LiveSettings())
    config.include(".declared")
    config.include(".publisher")
    config.include(".presence")
    config.register_service_factory(".tickets.ticket_service", TicketService)
    config.add_after_commit_subscriber(".subscribers.rights_changed", SessionsRevoked)
    config.add_after_commit_subscriber(".subscribers.rights_changed", UserBlocked)
    config.add_after_commit_subscriber(".subscribers.rights_changed", EmailVerified)
    config.add_process("live", ".gateway.serve", port_setting="live.port", about="live events over WebSockets")
    config.add_periodic_job(".jobs.forget_history", every_seconds=600)
