"""A plugin with a view whose permission nobody declares."""

from marketcore.plugins import Plugin

plugin = Plugin("late_permission", "Late permission")


def secret(request):
    return {}


def includeme(config):
    config.add_route("late_permission.secret", "/api/v1/secret")
    config.add_view(secret, route_name="late_permission.secret", renderer="json", permission="late.secret.read")
