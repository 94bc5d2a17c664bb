"""A miniature plugin that uses every directive."""

from marketcore.events import SessionsRevoked, UserRegistered
from marketcore.plugins import Plugin
from marketcore_good.provider import GoodProvider
from marketcore_good.services import ThingService
from marketcore_good.settings import GoodSettings

plugin = Plugin("good", "Good things")


def includeme(config):
    settings = config.add_settings_schema("good", GoodSettings())
    config.add_migrations("good", "marketcore_good:migrations")
    config.declare_permission("good.thing.keep", "member", trade=True)
    config.register_service_factory(".services.thing_service", ThingService)
    config.add_listing_kind("good", ".listing.GoodKind")
    config.add_event_subscriber(".subscribers.welcome", UserRegistered)
    config.add_after_commit_subscriber(".subscribers.note", SessionsRevoked)
    config.add_live_channel(
        "good_thing:{thing_id}", ".live.may_watch", path="/ws/good/{thing_id}", snapshot=".live.snapshot"
    )
    config.add_live_event("good_thing:{thing_id}", "good.polished", ".live.Polished")
    config.add_live_event("user:{user_id}", "good.thanks", ".live.Polished")
    config.add_live_command(
        "good.polish", ".live.polish", permission="good.thing.keep", body=".live.Polish", answer=".live.Polished"
    )
    config.add_job(".jobs.polish")
    config.add_periodic_job(".jobs.tidy", every_seconds=60)
    provider = GoodProvider(settings)
    config.add_payment_provider("good_pay", provider)
    config.add_payout_provider("good_payout", provider)
    config.add_payment_purpose("good_thing", ".purpose.ThingPurpose")
    config.add_ledger_check("good names", "SELECT id::text, name AS detail FROM good_things WHERE name = ''")
    config.add_notification_type("good.polished", title="Polished things", templates="marketcore_good:templates")
    config.add_sms_provider("good_sms", provider)
    config.add_login_check("good_mood", ".checks.hold_the_sad")
    config.add_step_up("good_mood", ".checks.demand_a_smile")
    config.add_process("good_sweeper", ".process.serve", port_setting="good.port")
    config.add_front_page("good_things", "/api/v1/good/things", about="good things")
    config.include(".routes")
    config.scan(".views")
