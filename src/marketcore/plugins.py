"""Plugins: found by entry point, enabled by name, ordered by what they require, and explained when they cannot run."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from marketcore.exceptions import ConfigurationError

GROUP = "marketcore.plugins"
API_VERSION = 1


@dataclass(frozen=True)
class Plugin:
    """A plugin's manifest: the module attribute ``plugin`` of its package.

    ``requires`` names plugins that must be enabled too, ``optional`` those that are set up before it when they
    are, ``conflicts`` those that must not be. ``api_version`` is the plugin contract it was written for.
    """

    name: str
    title: str
    requires: Sequence[str] = ()
    optional: Sequence[str] = ()
    conflicts: Sequence[str] = ()
    api_version: int = API_VERSION


@dataclass(frozen=True)
class Loaded:
    """An enabled plugin with its imported package."""

    manifest: Plugin
    module: ModuleType
    distribution: str

    @property
    def name(self) -> str:
        """The name it is enabled by."""
        return self.manifest.name


@dataclass(frozen=True)
class Standing:
    """How a plugin stands: ``enabled``, ``off`` (installed only) or ``cannot run``, and why."""

    name: str
    state: str
    distribution: str
    why: str


def installed() -> dict[str, EntryPoint]:
    """Return every installed plugin by name, without importing any."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            raise ConfigurationError(
                f"two distributions offer the plugin {point.name!r}: {_distribution(other)} and "
                f"{_distribution(point)}; uninstall one of them"
            )
    return found


def load(names: Iterable[str], available: Mapping[str, EntryPoint] | None = None) -> list[Loaded]:
    """Import the plugins called ``names`` and return them so that each follows what it requires."""
    available = installed() if available is None else available
    wanted = list(dict.fromkeys(names))
    loaded = {name: _load_one(name, available) for name in wanted}
    for plugin in loaded.values():
        _check_relations(plugin.manifest, loaded.keys(), available.keys())
    return _in_order(loaded)


def explain(names: Iterable[str], available: Mapping[str, EntryPoint] | None = None) -> list[Standing]:
    """Return how every installed plugin and every one called ``names`` stands; nothing is refused here."""
    available = installed() if available is None else available
    wanted = list(dict.fromkeys(names))
    named = [_standing(name, wanted, available) for name in wanted]
    off = [
        Standing(name, "off", _distribution(available[name]), f"add {name!r} to marketcore.plugins to enable it")
        for name in sorted(available.keys() - set(wanted))
    ]
    return named + off


def _standing(name: str, wanted: list[str], available: Mapping[str, EntryPoint]) -> Standing:
    distribution = _distribution(available[name]) if name in available else "-"
    try:
        plugin = _load_one(name, available)
        _check_relations(plugin.manifest, wanted, available.keys())
    except ConfigurationError as error:
        return Standing(name, "cannot run", distribution, str(error))
    return Standing(name, "enabled", distribution, plugin.manifest.title)


def migration_locations(available: Mapping[str, EntryPoint] | None = None) -> dict[str, Path]:
    """Return the migration folder of every *installed* plugin that has one, enabled or not.

    Nothing is imported: the rows of a plugin that is disabled, or broken, keep their history.
    """
    locations = {}
    for name, point in (installed() if available is None else available).items():
        spec = _spec(point)
        folders = spec.submodule_search_locations if spec else None
        path = Path(next(iter(folders))) / "migrations" / "versions" if folders else None
        if path and path.is_dir():
            locations[name] = path
    return locations


def check_migrations(
    enabled: Iterable[Loaded], declared: Mapping[str, str], available: Mapping[str, EntryPoint] | None = None
) -> None:
    """Hold what ``add_migrations`` declared against the folders in which scripts are looked for.

    The scripts of a disabled plugin are found by its name and package alone, so an enabled one may not keep them
    elsewhere.
    """
    names = {plugin.name: plugin.module.__name__ for plugin in enabled}
    found = migration_locations(available)
    for label, location in declared.items():
        if label not in names or label not in found or location != f"{names[label]}:migrations":
            expected = f"add_migrations({label!r}, '{names.get(label, 'PACKAGE')}:migrations')"
            raise ConfigurationError(
                f"add_migrations({label!r}, {location!r}) cannot be used: the scripts of a plugin are under its name, "
                f"in PACKAGE/migrations/versions; use {expected} and create that folder"
            )
    for name in names.keys() & found.keys() - declared.keys():
        raise ConfigurationError(
            f"the plugin {name!r} has migrations in {found[name]} but does not declare them: "
            f"add config.add_migrations({name!r}, '{names[name]}:migrations') to its includeme"
        )


def _spec(point: EntryPoint) -> Any:
    try:
        return importlib.util.find_spec(point.module)
    except (ImportError, ValueError):
        return None


def _load_one(name: str, available: Mapping[str, EntryPoint]) -> Loaded:
    if name not in available:
        raise ConfigurationError(_not_installed(name, available.keys()))
    point = available[name]
    try:
        module = importlib.import_module(point.module)
    except Exception as error:
        raise ConfigurationError(
            f"the plugin {name!r} ({_distribution(point)}) cannot be imported: "
            f"{type(error).__name__}: {error}; repair {point.value} or take {name!r} out of marketcore.plugins"
        ) from error
    manifest = getattr(module, "plugin", None)
    if not isinstance(manifest, Plugin) or manifest.name != name or not hasattr(module, "includeme"):
        raise ConfigurationError(
            f"{point.value} is no marketcore plugin: it needs 'plugin = Plugin({name!r}, …)' and 'includeme'"
        )
    if manifest.api_version != API_VERSION:
        raise ConfigurationError(
            f"the plugin {name!r} was written for plugin contract {manifest.api_version}, this marketcore has "
            f"{API_VERSION}: install a matching version of {_distribution(point)}"
        )
    return Loaded(manifest, module, _distribution(point))


def _not_installed(name: str, available: Iterable[str]) -> str:
    names = sorted(available)
    return (
        f"marketcore.plugins names {name!r}, which is not installed (installed: {', '.join(names) or 'none'}): "
        f"{_near(name, names) or f'install its distribution or take {name!r} out'}"
    )


def _near(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def _check_relations(manifest: Plugin, enabled: Collection[str], available: Collection[str]) -> None:
    for name in manifest.requires:
        if name not in enabled:
            raise ConfigurationError(f"the plugin {manifest.name!r} requires {name!r}, {_absence(name, available)}")
    for name in sorted(set(enabled).intersection(manifest.conflicts)):
        raise ConfigurationError(
            f"the plugins {manifest.name!r} and {name!r} exclude each other: take one out of marketcore.plugins"
        )


def _absence(name: str, available: Collection[str]) -> str:
    if name in available:
        return f"which is installed but not enabled: add {name!r} to marketcore.plugins"
    return f"which is not installed: install its distribution and add {name!r} to marketcore.plugins"


def _in_order(loaded: Mapping[str, Loaded]) -> list[Loaded]:
    ordered: dict[str, Loaded] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            raise ConfigurationError(
                f"these plugins require each other in a circle: {circle}; take one out of marketcore.plugins, or "
                "out of the other's manifest"
            )
        if name in ordered:
            return
        manifest = loaded[name].manifest
        for before in (*manifest.requires, *(other for other in manifest.optional if other in loaded)):
            visit(before, (*path, name))
        ordered[name] = loaded[name]

    for name in loaded:
        visit(name, ())
    return list(ordered.values())


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
