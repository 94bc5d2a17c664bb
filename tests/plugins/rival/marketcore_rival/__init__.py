"""A plugin that claims names of other plugins or of the core: ``rival.claim`` says which."""

import colander

from marketcore.events import UserRegistered
from marketcore.plugins import Plugin
from marketcore.settings import CoreSettings
from marketcore.web.schema import Schema

plugin = Plugin("rival", "A rival", optional=("good",))


class RivalSettings(colander.MappingSchema):
    claim = colander.SchemaNode(colander.String(), missing="")


class RivalDocument(Schema):
    """Anything."""


def answer(request):
    return {}


def serve(registry):
    return 0


def claims(config):
    return {
        "good settings": lambda: config.add_settings_schema("good", RivalSettings()),
        "good service": lambda: config.register_service_factory(
            answer, config.maybe_dotted("marketcore_good.services.ThingService")
        ),
        "good permission": lambda: config.declare_permission("good.thing.keep", "anyone"),
        "good listing kind": lambda: config.add_listing_kind("good", object()),
        "good subscriber": lambda: config.add_event_subscriber("marketcore_good.subscribers.welcome", UserRegistered),
        "good channel": lambda: config.add_live_channel("good_thing:{thing_id}", answer),
        "good channel, other parameter": lambda: config.add_live_channel("good_thing:{id}", answer),
        "good live path": lambda: config.add_live_channel("rival:{id}", answer, path="/ws/good/{id}"),
        "good event": lambda: config.add_live_event("good_thing:{id}", "good.polished", RivalDocument),
        "good event on a core channel": lambda: config.add_live_event("user:{id}", "good.thanks", RivalDocument),
        "good command": lambda: config.add_live_command(
            "good.polish", answer, permission="public", body=RivalDocument, answer=RivalDocument
        ),
        "good job": lambda: config.add_job("marketcore_good.jobs.polish"),
        "good periodic job": lambda: config.add_periodic_job("marketcore_good.jobs.tidy", every_seconds=5),
        "good provider": lambda: config.add_payment_provider("good_pay", object()),
        "good payout provider": lambda: config.add_payout_provider("good_payout", object()),
        "good purpose": lambda: config.add_payment_purpose("good_thing", object()),
        "good ledger check": lambda: config.add_ledger_check("good names", "SELECT '', '' WHERE false"),
        "good notification type": lambda: config.add_notification_type(
            "good.polished", title="Rivals", templates="marketcore_good:templates"
        ),
        "good SMS provider": lambda: config.add_sms_provider("good_sms", object()),
        "good login check": lambda: config.add_login_check("good_mood", answer),
        "good step-up": lambda: config.add_step_up("good_mood", answer),
        "good process": lambda: config.add_process("good_sweeper", serve),
        "good front page": lambda: config.add_front_page("good_things", "/rival", about="rivals"),
        "good route": lambda: config.add_route("good.things", "/api/v1/rival"),
        "good view": lambda: config.add_view(
            answer, route_name="good.things", request_method="GET", permission="public", renderer="json"
        ),
        "core settings": lambda: config.add_settings_schema("marketcore", CoreSettings()),
        "core permission": lambda: config.declare_permission("admin", "anyone"),
        "core notification type": lambda: config.add_notification_type(
            "order.paid", title="Rivals", templates="marketcore.notifications:templates"
        ),
        "core ledger check": lambda: config.add_ledger_check("zero sum", "SELECT '', '' WHERE false"),
        "core process": lambda: config.add_process("web", serve),
        "core periodic job": lambda: config.add_periodic_job("marketcore.web.jobs.forget_old_answers", every_seconds=5),
        "core event": lambda: config.add_live_event("order:{id}", "order.paid", RivalDocument),
        "core route": lambda: config.add_route("healthz", "/elsewhere"),
        "core request method": lambda: config.add_request_method(answer, "db", reify=True),
        "after a commit": lambda: (config.commit(), config.add_process("web", serve)),
        "foreign prefix": lambda: config.add_settings_schema("other", RivalSettings()),
    }


def includeme(config):
    claim = config.add_settings_schema("rival", RivalSettings())["claim"]
    if claim:
        claims(config)[claim]()
