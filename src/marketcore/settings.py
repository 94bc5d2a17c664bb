"""Settings: read as text from the ini file, checked by one colander schema per prefix, then plain values."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import colander

from marketcore.exceptions import ConfigurationError
from marketcore.money import CURRENCIES
from marketcore.redaction import shown

# Prefixes that belong to libraries and are read by them, not by a schema of ours.
FOREIGN_PREFIXES = frozenset({"pyramid", "tm", "retry", "jinja2", "debugtoolbar"})
# What PasteDeploy adds to every section of an ini file.
_FROM_THE_FILE = frozenset({"here", "__file__"})
_VARIABLE = "env:"


class Words(colander.SchemaType):
    """A list of words separated by white space."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Split text; a list is taken as it is."""
        if cstruct is colander.null:
            return colander.null
        return cstruct.split() if isinstance(cstruct, str) else list(cstruct)


class Currencies(Words):
    """A list of currency codes separated by white space; an empty one means every currency there is."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return the sorted codes; one that does not exist is refused."""
        if cstruct is colander.null:
            return colander.null
        codes = super().deserialize(node, cstruct)
        if unknown := sorted(set(codes) - CURRENCIES):
            raise colander.Invalid(node, f"{' '.join(unknown)} is no ISO 4217 currency")
        return sorted(set(codes) or CURRENCIES)


def config_path(option: str | None = None) -> str:
    """Return the ini file a command uses: ``-c``, else ``$MARKETCORE_CONFIG``, else ``./development.ini``."""
    return option or os.environ.get("MARKETCORE_CONFIG") or "development.ini"


def read_settings(path: str | Path) -> dict[str, Any]:
    """Return the ``[app:main]`` settings of an ini file, as ``from_environment`` completes them."""
    import plaster

    if not Path(path).is_file():
        raise ConfigurationError(
            f"there is no configuration file {str(path)!r}: name one with -c FILE or $MARKETCORE_CONFIG"
        )
    try:
        found = plaster.get_loader(str(path), protocols=["wsgi"]).get_wsgi_app_settings("main")
    except Exception as error:
        raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}: {error}; correct the file") from error
    return from_environment(dict(found))


def from_environment(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a file as this environment completes them.

    ``MARKETCORE_DATABASE_URL``, ``MARKETCORE_REDIS_URL`` and ``MARKETCORE_DATA_DIR`` override the file, and
    ``env:NAME`` becomes the variable's value.
    """
    result = dict(settings)
    for name in ("database_url", "redis_url", "data_dir"):
        if value := os.environ.get(f"MARKETCORE_{name.upper()}"):
            result[f"marketcore.{name}"] = value
    return with_variables(result)


def with_variables(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``settings`` with ``env:NAME`` replaced by the variable ``NAME``.

    One that is not set stays as it is: ``check_section`` refuses it where it is read, so that a disabled plugin
    needs no variables.
    """
    return {
        key: os.environ.get(value.removeprefix(_VARIABLE), value)
        if isinstance(value, str) and value.startswith(_VARIABLE)
        else value
        for key, value in settings.items()
    }


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
    _refuse_unknown(prefix, schema, given)
    _refuse_unset((prefix,), settings)
    try:
        return dict(schema.deserialize(given))
    except colander.Invalid as invalid:
        faults = [_fault(prefix, schema, key, why, settings) for key, why in _faults(schema, invalid)]
        raise ConfigurationError("; ".join(faults)) from None


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Say that ``key`` is not a setting, and which of ``known`` was probably meant."""
    return f"{key!r} is not a setting: {_meant(key, known)}"


def _meant(key: str, known: Iterable[str]) -> str:
    nearest = _nearest(key, list(known))
    return f"did you mean {nearest!r}?" if nearest else "remove it or correct its name"


def _nearest(key: str, known: list[str]) -> str | None:
    """Return the known key that differs from ``key`` a little, in its last part or in what comes before."""
    prefix, _dot, last = key.rpartition(".")
    siblings = {name.rpartition(".")[2]: name for name in known if name.rpartition(".")[0] == prefix}
    namesakes = {name.rpartition(".")[0]: name for name in known if name.rpartition(".")[2] == last}
    for text, candidates in ((last, siblings), (prefix, namesakes)):
        if near := difflib.get_close_matches(text, candidates, n=1):
            return candidates[near[0]]
    return None


def check_prefixes(settings: Mapping[str, Any], known: set[str], installed: set[str]) -> None:
    """Refuse keys whose prefix nobody owns; those of installed but disabled plugins may stay."""
    for key in settings.keys() - _FROM_THE_FILE:
        prefix, dot, rest = key.partition(".")
        if not dot:
            meant = _meant(f"marketcore.{key}", (f"marketcore.{node.name}" for node in CoreSettings().children))
            raise ConfigurationError(f"{key!r} is no setting, for it has no prefix: {meant}")
        if prefix not in known | installed | FOREIGN_PREFIXES:
            raise ConfigurationError(unknown_key(key, (f"{owner}.{rest}" for owner in known | installed)))
    _refuse_unset(FOREIGN_PREFIXES, settings)


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


def _refuse_unknown(prefix: str, schema: colander.SchemaNode, given: Mapping[str, Any]) -> None:
    if schema.typ.unknown == "preserve":
        return
    nodes = {node.name: node for node in schema.children}
    for key in sorted(given.keys() - nodes.keys()):
        raise ConfigurationError(unknown_key(f"{prefix}.{key}", (f"{prefix}.{name}" for name in nodes)))
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(nodes[key].typ, colander.Mapping):
            _refuse_unknown(f"{prefix}.{key}", nodes[key], value)


def _refuse_unset(prefixes: Iterable[str], settings: Mapping[str, Any]) -> None:
    owned = tuple(f"{prefix}." for prefix in prefixes)
    for key, value in settings.items():
        if key.startswith(owned) and isinstance(value, str) and value.startswith(_VARIABLE):
            name = value.removeprefix(_VARIABLE)
            raise ConfigurationError(f"{key} = {value}: the environment has no variable {name!r}; set it")


def _faults(schema: colander.SchemaNode, invalid: colander.Invalid) -> list[tuple[str, str]]:
    prefix = f"{schema.name}." if schema.name else ""
    return [(key.removeprefix(prefix), why) for key, why in invalid.asdict().items()]


def _fault(prefix: str, schema: colander.SchemaNode, key: str, why: str, settings: Mapping[str, Any]) -> str:
    name = f"{prefix}.{key}"
    if name not in settings:
        return f"{name} is not set: {why.lower()}; set it in the configuration"
    default = _default(schema, key)
    remedy = "correct it" if default in (None, "", ()) else f"correct it, or leave it out for {default!r}"
    return f"{name} = {shown(name, settings[name])} cannot be used: {why}; {remedy}"


def _default(schema: colander.SchemaNode, key: str) -> Any:
    node = schema
    for name in key.split("."):
        node = node.get(name)
        if node is None:
            return None
    return None if node.missing in (colander.required, colander.drop) else node.missing
