"""One configuration builds every process: web, live, worker and command line all start from ``configure``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator

from marketcore import plugins
from marketcore.configurator import MarketConfigurator
from marketcore.db import migrate
from marketcore.db.transactions import on_demand
from marketcore.directives import table
from marketcore.requests import settle_requests
from marketcore.secrets import load_secrets
from marketcore.settings import CoreSettings, check_prefixes, check_section, with_variables
from marketcore.starting import collecting_later
from marketcore.web.addresses import settle_views

# The machinery, then the nouns. Plugins come after all of them and the core never commits in between, so that
# a plugin that claims a name of the core's is a conflict and not a silent replacement.
CORE = (
    "marketcore.db",
    "marketcore.web",
    "marketcore.jobs",
    "marketcore.live",
    "marketcore.live.http",
    "marketcore.identity",
    "marketcore.addresses",
    "marketcore.media",
    "marketcore.catalog",
    "marketcore.ledger",
    "marketcore.orders",
    "marketcore.violations",
    "marketcore.payments",
    "marketcore.refunds",
    "marketcore.disputes",
    "marketcore.payouts",
    "marketcore.reconciliation",
    "marketcore.notifications",
)
LIBRARIES = {
    "tm.manager_hook": on_demand,
    "tm.commit_veto": "pyramid_tm.default_commit_veto",
    "retry.attempts": "3",
}


@collecting_later()
def configure(settings: Mapping[str, Any]) -> Configurator:
    """Return a committed ``Configurator`` with the core and the enabled plugins.

    ``ConfigurationError`` says what stops the start and what to do; two claims on one name are ``ClaimedTwice``,
    which is also Pyramid's ``ConfigurationConflictError``.
    """
    given = {**LIBRARIES, **with_variables(settings)}
    core = check_section("marketcore", CoreSettings(), given)
    available = plugins.installed()
    enabled = plugins.load(core["plugins"], available)
    config = MarketConfigurator(settings=given, package="marketcore")
    config.include("marketcore.directives")
    config.include("marketcore.finding")
    config.add_settings_schema("marketcore", CoreSettings())
    config.registry["secrets"] = load_secrets(core["secret"], core["environment"], core["data_dir"])
    for library in ("pyramid_tm", "pyramid_retry", "pyramid_jinja2"):
        config.include(library)
    for noun in CORE:
        config.include(noun)
    for plugin in enabled:
        config.set_up(plugin.name, plugin.module, plugin.distribution)
    config.registry["plugins"] = {plugin.name: plugin for plugin in enabled}
    check_prefixes(given, set(config.registry["settings_sections"]), set(available))
    config.registry["make_application"] = config.make_wsgi_app
    config.commit()
    settle_requests(config.registry)
    settle_views(config.registry)
    declared = {label: at for label, at in table(config.registry, "migrations").items() if label != migrate.CORE}
    plugins.check_migrations(enabled, declared, available)
    return config
