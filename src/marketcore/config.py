"""One configuration builds every process: web, live, worker and command line all start from ``configure``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pyramid.config import Configurator

from marketcore import plugins
from marketcore.secrets import load_secrets
from marketcore.settings import CoreSettings, check_prefixes, check_section, from_environment

# The machinery, then the nouns. Plugins come after all of them and the core never commits in between, so that
# a plugin that claims a name of the core's is a conflict and not a silent replacement.
CORE = (
    "marketcore.db",
    "marketcore.web",
    "marketcore.jobs",
    "marketcore.live",
    "marketcore.identity",
    "marketcore.media",
    "marketcore.catalog",
    "marketcore.ledger",
    "marketcore.orders",
    "marketcore.payments",
)
LIBRARIES = {
    "tm.manager_hook": "pyramid_tm.explicit_manager",
    "tm.commit_veto": "pyramid_tm.default_commit_veto",
    "retry.attempts": "3",
}


def configure(settings: Mapping[str, Any]) -> Configurator:
    """Return a committed ``Configurator`` with the core and the enabled plugins.

    ``ConfigurationError`` (or Pyramid's ``ConfigurationConflictError``) says what stops the start and what to do.
    """
    given = {**LIBRARIES, **from_environment(settings)}
    core = check_section("marketcore", CoreSettings(), given)
    enabled = plugins.load(core["plugins"])
    config = Configurator(settings=given, package="marketcore")
    config.include("marketcore.directives")
    config.add_settings_schema("marketcore", CoreSettings())
    config.registry["secrets"] = load_secrets(core["secret"], core["environment"], core["data_dir"])
    for library in ("pyramid_tm", "pyramid_retry", "pyramid_services", "pyramid_jinja2"):
        config.include(library)
    for noun in CORE:
        config.include(noun)
    for plugin in enabled:
        config.include(plugin.module)
    config.registry["plugins"] = {plugin.name: plugin for plugin in enabled}
    check_prefixes(given, set(config.registry["settings_sections"]), set(plugins.installed()))
    config.registry["make_application"] = config.make_wsgi_app
    config.commit()
    return config


def config_path(option: str | None = None) -> str:
    """Return the ini file a command uses: ``-c``, else ``$MARKETCORE_CONFIG``, else ``./development.ini``."""
    return option or os.environ.get("MARKETCORE_CONFIG") or "development.ini"
