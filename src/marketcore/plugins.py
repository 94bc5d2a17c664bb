"""Plugins: found by entry point, enabled by name, ordered by what they require, and explained when they cannot run."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

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


def migration_locations(available: Mapping[str, EntryPoint] | None = None) -> dict[str, Path]:
    """Return the migration folder of every *installed* plugin that has one, enabled or not."""
    locations = {}
    for name, point in (installed() if available is None else available).items():
        spec = importlib.util.find_spec(point.value)
        folders = spec.submodule_search_locations if spec else None
        path = Path(next(iter(folders))) / "migrations" / "versions" if folders else None
        if path and path.is_dir():
            locations[name] = path
    return locations


def _load_one(name: str, available: Mapping[str, EntryPoint]) -> Loaded:
    if name not in available:
        raise ConfigurationError(_not_installed(name, available.keys()))
    point = available[name]
    try:
        module = importlib.import_module(point.value)
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
    near = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"install its distribution or take {name!r} out"
    return (
        f"marketcore.plugins names {name!r}, which is not installed (installed: {', '.join(names) or 'none'}): {remedy}"
    )


def _check_relations(manifest: Plugin, enabled: Iterable[str], available: Iterable[str]) -> None:
    enabled = set(enabled)
    for name in manifest.requires:
        if name not in enabled:
            state = "is installed but not enabled" if name in set(available) else "is not installed"
            raise ConfigurationError(
                f"the plugin {manifest.name!r} requires {name!r}, which {state}: add {name!r} to "
                f"marketcore.plugins or take {manifest.name!r} out"
            )
    for name in enabled.intersection(manifest.conflicts):
        raise ConfigurationError(
            f"the plugins {manifest.name!r} and {name!r} exclude each other: take one out of marketcore.plugins"
        )


def _in_order(loaded: Mapping[str, Loaded]) -> list[Loaded]:
    ordered: dict[str, Loaded] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ConfigurationError(f"these plugins require each other in a circle: {' → '.join((*path, name))}")
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
