"""The field types of bodies and queries: strict, bounded, and known to the OpenAPI generator."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Any

import colander

from marketcore.money import MAX_MINOR, Money, exponent

MAX_KEY = 10**18 - 1
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")


class Fields(colander.Mapping):
    """A JSON object whose refusals name the fields it does not know, and never repeat what they held."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return the fields, read."""
        try:
            return super().deserialize(node, cstruct)
        except colander.UnsupportedFields as error:
            refusal = colander.Invalid(node)
            for name in sorted(error.fields)[:20]:
                unknown = colander.SchemaNode(Text(), name=name[:100])
                refusal.add(colander.Invalid(unknown, "is not a field of this object"))
            raise refusal from None


class Schema(colander.MappingSchema):
    """A JSON object that refuses fields it does not know."""

    schema_type = Fields

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typ.unknown = "raise"


class Text(colander.SchemaType):
    """Text without NUL and lone surrogates, in Unicode's NFC form; numbers are not text."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return the normalised text."""
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, str):
            raise colander.Invalid(node, "must be text")
        if _FORBIDDEN.search(cstruct):
            raise colander.Invalid(node, "contains a character that text may not have (NUL or a lone surrogate)")
        return unicodedata.normalize("NFC", cstruct)


class Whole(colander.SchemaType):
    """A whole number: an ``int``, never a boolean, a fraction or text."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return the number."""
        if cstruct is colander.null:
            return colander.null
        if type(cstruct) is not int:
            raise colander.Invalid(node, "must be a whole number")
        return cstruct


class Flag(colander.SchemaType):
    """``true`` or ``false``."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return the boolean."""
        if cstruct is colander.null:
            return colander.null
        if not isinstance(cstruct, bool):
            raise colander.Invalid(node, "must be true or false")
        return cstruct


class Moment(colander.SchemaType):
    """A time as RFC 3339 with an offset."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return an aware ``datetime``."""
        if cstruct is colander.null:
            return colander.null
        try:
            moment = datetime.fromisoformat(cstruct)
        except (TypeError, ValueError):
            raise colander.Invalid(node, "must be a time such as 2026-01-31T12:00:00Z") from None
        if moment.tzinfo is None:
            raise colander.Invalid(node, "must say its offset, such as Z")
        return moment


class Anything(colander.SchemaType):
    """Any JSON object, only in answers: its shape is described by whoever fills it."""

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Refuse: such a field is never read."""
        raise colander.Invalid(node, "cannot be given")


class TextByName(Anything):
    """A JSON object whose values are all texts, only in answers."""


class MoneyType(Fields):
    """``{"amount": "500.00", "currency": "KES"}``, read exactly into ``Money``."""

    def __init__(self) -> None:
        super().__init__(unknown="raise")

    def deserialize(self, node: colander.SchemaNode, cstruct: Any) -> Any:
        """Return the ``Money``; too many digits, signs, floats and unknown currencies are refused."""
        given = super().deserialize(node, cstruct)
        if given is colander.null:
            return colander.null
        try:
            exponent(given["currency"])
        except ValueError as error:
            raise _invalid_child(node, "currency", str(error)) from None
        try:
            money = Money.parse(given["amount"], given["currency"])
        except ValueError as error:
            raise _invalid_child(node, "amount", str(error)) from None
        if money.minor == 0:
            raise _invalid_child(node, "amount", "must be more than zero")
        return money


def _invalid_child(node: colander.SchemaNode, name: str, why: str) -> colander.Invalid:
    invalid = colander.Invalid(node)
    invalid.add(colander.Invalid(node[name], why))
    return invalid


class MoneyNode(colander.SchemaNode):
    """A node of an amount of money above zero."""

    schema_type = MoneyType
    amount = colander.SchemaNode(
        Text(), validator=colander.Regex(r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,3})?$", "must be an amount such as '500.00'")
    )
    currency = colander.SchemaNode(Text(), validator=colander.Regex(r"^[A-Z]{3}$", "must be a code such as KES"))


def text(max_length: int, *, min_length: int = 0, **options: Any) -> colander.SchemaNode:
    """Return a text node; blank text does not count towards ``min_length``."""
    validators = [colander.Length(min=min_length or None, max=max_length)]
    if min_length:
        validators.append(_not_blank)
    extra = options.pop("validator", None)
    return colander.SchemaNode(Text(), validator=colander.All(*validators, *([extra] if extra else [])), **options)


def _not_blank(node: colander.SchemaNode, value: str) -> None:
    if not value.strip():
        raise colander.Invalid(node, "must not be blank")


def whole(minimum: int, maximum: int, **options: Any) -> colander.SchemaNode:
    """Return a node of a whole number between ``minimum`` and ``maximum``."""
    return colander.SchemaNode(Whole(), validator=colander.Range(minimum, maximum), **options)


def key(**options: Any) -> colander.SchemaNode:
    """Return a node of the id of some row."""
    return whole(1, MAX_KEY, **options)


def flag(**options: Any) -> colander.SchemaNode:
    """Return a boolean node."""
    return colander.SchemaNode(Flag(), **options)


def moment(**options: Any) -> colander.SchemaNode:
    """Return a node of a time."""
    return colander.SchemaNode(Moment(), **options)


def schema_node(schema: Any, registry: Any) -> Any:
    """Return the node that a view declares; one made of a class here is bound to ``registry``, for what is deferred."""
    return schema().bind(registry=registry) if isinstance(schema, type) else schema


class Among(colander.OneOf):
    """One of some values; a refusal names these and does not repeat what was sent."""

    def __call__(self, node: colander.SchemaNode, value: str) -> None:
        """Refuse any other value."""
        if value not in self.choices:
            raise colander.Invalid(node, f"must be one of {', '.join(self.choices)}")


def choice(*values: str, **options: Any) -> colander.SchemaNode:
    """Return a node of one of ``values``."""
    return colander.SchemaNode(Text(), validator=Among(values), **options)


def listing(item: colander.SchemaNode, **options: Any) -> colander.SchemaNode:
    """Return a node of a list of ``item``."""
    return colander.SchemaNode(colander.Sequence(), item, **options)


def nullable(node: colander.SchemaNode) -> colander.SchemaNode:
    """Return ``node`` as one that answers may give as ``null``."""
    node.missing = None
    return node


def page_of(item: type[colander.SchemaNode], name: str) -> type[Schema]:
    """Return the schema of a page: ``{"items": [item…], "next": cursor or null}``."""
    return type(
        name,
        (Schema,),
        {
            "items": colander.SchemaNode(colander.Sequence(), item(name="item"), name="items"),
            "next": nullable(text(1000, name="next")),
            "__doc__": f"A page of {item.__name__}.",
        },
    )


class PageQuery(Schema):
    """The query of every list."""

    limit = whole(1, 100, missing=20, description="items per page")
    cursor = text(1000, missing=None, description="the `next` of the page before")


__all__ = [
    "MAX_KEY",
    "MAX_MINOR",
    "Among",
    "Anything",
    "Fields",
    "Flag",
    "Moment",
    "MoneyNode",
    "MoneyType",
    "PageQuery",
    "Schema",
    "Text",
    "TextByName",
    "Whole",
    "choice",
    "flag",
    "key",
    "listing",
    "moment",
    "nullable",
    "page_of",
    "text",
    "whole",
]
