"""Images of products and people: checked when they come, re-encoded by a job, served for ever."""

from __future__ import annotations

from typing import Any

from marketcore.media.services import MediaService, VariantService
from marketcore.media.settings import MediaSettings


def includeme(config: Any) -> None:
    """Add the store, the services that use it, their jobs, and the addresses of images."""
    config.add_settings_schema("media", MediaSettings())
    config.include(".store")
    config.declare_permission("media.picture.write", "member")
    config.register_service_factory(".services.media_service", MediaService)
    config.register_service_factory(".services.variant_service", VariantService)
    config.add_job(".jobs.make_variants")
    config.add_periodic_job(".jobs.sweep_orphans", every_seconds=3600)
    config.include(".routes")
    config.scan(".views")
