"""Settings: read as text from the ini file, checked by one colander schema per prefix, then plain values."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import colander

from marketcore.exceptions import ConfigurationError

# Prefixes that belong to libraries and are read by them, not by a schema of ours.
FOREIGN_PREFIXES = frozenset({"pyramid", "tm", "retry", "jinja2", "debugtoolbar"})


class Words(colander.SchemaType):
    """A list of words separated by white space."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Split text; a list is taken as it is."""
        if cstruct is colander.null:
            return colander.null
        return cstruct.split() if isinstance(cstruct, str) else list(cstruct)


def read_settings(path: str | Path) -> dict[str, str]:
    """Return the ``[app:main]`` settings of an ini file, ``env:NAME`` values resolved.

    ``MARKETCORE_DATABASE_URL``, ``MARKETCORE_REDIS_URL`` and ``MARKETCORE_DATA_DIR`` override the file.
    """
    from pyramid.paster import get_appsettings

    if not Path(path).is_file():
        raise ConfigurationError(
            f"there is no configuration file {str(path)!r}: name one with -c FILE or $MARKETCORE_CONFIG"
        )
    return from_environment(dict(get_appsettings(str(path))))


def from_environment(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``settings`` with ``env:NAME`` values and the ``MARKETCORE_*`` overrides filled in."""
    result = {key: _resolve(key, value) for key, value in settings.items()}
    for name in ("database_url", "redis_url", "data_dir"):
        if value := os.environ.get(f"MARKETCORE_{name.upper()}"):
            result[f"marketcore.{name}"] = value
    return result


def _resolve(key: str, value: Any) -> Any:
    if not (isinstance(value, str) and value.startswith("env:")):
        return value
    name = value.removeprefix("env:")
    if name not in os.environ:
        raise ConfigurationError(f"{key} = {value}: the environment has no variable {name}; set it")
    return os.environ[name]


class CoreSettings(colander.MappingSchema):
    """``marketcore.*``: what every process needs."""

    plugins = colander.SchemaNode(Words(), missing=(), description="names of the enabled plugins")
    database_url = colander.SchemaNode(
        colander.String(), missing="embedded", description="'embedded' or a postgresql:// URL"
    )
    redis_url = colander.SchemaNode(colander.String(), missing="embedded", description="'embedded' or a redis:// URL")
    data_dir = colander.SchemaNode(
        colander.String(), missing="var", description="where embedded servers and uploads live"
    )
    log_level = colander.SchemaNode(
        colander.String(), missing="info", validator=colander.OneOf(["debug", "info", "warning", "error"])
    )
    log_format = colander.SchemaNode(colander.String(), missing="json", validator=colander.OneOf(["json", "console"]))
    environment = colander.SchemaNode(
        colander.String(), missing="production", validator=colander.OneOf(["production", "development"])
    )
    secret = colander.SchemaNode(
        colander.String(), missing="", description="32 or more random characters; development makes its own"
    )
    public_url = colander.SchemaNode(
        colander.String(),
        missing="http://127.0.0.1:8000",
        validator=colander.url,
        description="how the outside reaches the web process",
    )
    default_currency = colander.SchemaNode(colander.String(), missing="KES", validator=colander.Length(3, 3))
    database_pool_size = colander.SchemaNode(
        colander.Integer(),
        missing=10,
        validator=colander.Range(1, 200),
        description="connections per process",
    )


def check_section(prefix: str, schema: colander.SchemaNode, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values under ``prefix.`` as ``schema`` reads them; every fault is a ``ConfigurationError``."""
    given = _nested(prefix, schema, settings)
    known = {node.name for node in schema.children}
    for key in given.keys() - known:
        raise ConfigurationError(unknown_key(f"{prefix}.{key}", (f"{prefix}.{name}" for name in known)))
    try:
        return dict(schema.deserialize(given))
    except colander.Invalid as invalid:
        faults = "; ".join(
            f"[{prefix}] {key}: {why} (it is {settings.get(f'{prefix}.{key}', 'not set')!r})"
            for key, why in _faults(schema, invalid)
        )
        raise ConfigurationError(faults) from None


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Say that ``key`` is not a setting, and which one was probably meant."""
    near = difflib.get_close_matches(key, list(known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "remove it or correct its name"
    return f"{key!r} is not a setting: {hint}"


def check_prefixes(settings: Mapping[str, Any], known: set[str], installed: set[str]) -> None:
    """Refuse keys whose prefix nobody owns; those of installed but disabled plugins may stay."""
    for key in settings:
        prefix, dot, _rest = key.partition(".")
        if dot and prefix not in known | installed | FOREIGN_PREFIXES:
            raise ConfigurationError(unknown_key(key, (f"{p}.{_rest}" for p in known | installed)))


def section(registry: Any, prefix: str) -> dict[str, Any]:
    """Return the checked values of one prefix."""
    values: dict[str, Any] = registry["settings_sections"][prefix]
    return values


def _nested(prefix: str, schema: colander.SchemaNode, settings: Mapping[str, Any]) -> dict[str, Any]:
    mappings = {node.name for node in schema.children if isinstance(node.typ, colander.Mapping)}
    given: dict[str, Any] = {}
    for key, value in settings.items():
        if not key.startswith(prefix + "."):
            continue
        name = key.removeprefix(prefix + ".")
        head, _dot, tail = name.partition(".")
        if head in mappings and tail:
            given.setdefault(head, {})[tail] = value
        else:
            given[name] = value
    return given


def _faults(schema: colander.SchemaNode, invalid: colander.Invalid) -> list[tuple[str, str]]:
    prefix = f"{schema.name}." if schema.name else ""
    return [(key.removeprefix(prefix), why) for key, why in invalid.asdict().items()]
