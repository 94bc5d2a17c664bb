"""Bodies, queries and documents of places and addresses."""

from __future__ import annotations

from typing import Any

import colander

from marketcore.addresses import rules
from marketcore.web.schema import PageQuery, Schema, flag, key, moment, nullable, page_of, text

_COUNTRY = colander.Regex(r"^[A-Z]{2}$", "must be an ISO 3166 code such as KE")


def country(**options: Any) -> colander.SchemaNode:
    """Return a node of a country's code."""
    return text(2, validator=_COUNTRY, **options)


class ProvinceQuery(PageQuery):
    """Whose provinces."""

    country = country(missing=None)


class NewProvince(Schema):
    """A province to add."""

    country = country()
    name = text(100, min_length=1)


class PlaceName(Schema):
    """What a province or city is called."""

    name = text(100, min_length=1)


class ProvinceDocument(Schema):
    """A province of a country."""

    id = key()
    country = country()
    name = text(100)


class CityDocument(Schema):
    """A city of a province."""

    id = key()
    province_id = key()
    name = text(100)


class NewAddress(Schema):
    """An address to keep, in a known city (`city_id`) or with its place written out (`country`, `region`, `city`)."""

    bounds = {
        "oneOf": [
            {"required": ["city_id"], "not": {"anyOf": [{"required": [name]} for name in rules.WRITTEN]}},
            {"required": ["city", "country"], "not": {"required": ["city_id"]}},
        ]
    }
    label = text(50, missing="", description="what its owner calls it, such as Home")
    name = text(100, min_length=1, description="who gets what is sent there")
    phone = text(20, missing="")
    line1 = text(200, min_length=1)
    line2 = text(200, missing="")
    postal_code = text(20, missing="")
    city_id = key(missing=colander.drop)
    city = text(100, min_length=1, missing=colander.drop)
    region = text(100, missing=colander.drop, description="the province, as it is called in lists of provinces")
    country = country(missing=colander.drop)
    default = flag(missing=False, description="true: the default from now on; the first address always is")


class AddressChange(Schema):
    """What to change of an address; of its place either nothing or all."""

    label = text(50, missing=colander.drop)
    name = text(100, min_length=1, missing=colander.drop)
    phone = text(20, missing=colander.drop)
    line1 = text(200, min_length=1, missing=colander.drop)
    line2 = text(200, missing=colander.drop)
    postal_code = text(20, missing=colander.drop)
    city_id = key(missing=colander.drop)
    city = text(100, min_length=1, missing=colander.drop)
    region = text(100, missing=colander.drop)
    country = country(missing=colander.drop)
    default = flag(missing=colander.drop)


class AddressDocument(Schema):
    """An address; `city_id` and `province_id` are `null` where its place is only written out."""

    id = key()
    label = text(50)
    name = text(100)
    phone = text(20)
    line1 = text(200)
    line2 = text(200)
    postal_code = text(20)
    city_id = nullable(key())
    province_id = nullable(key())
    city = text(100)
    region = text(100)
    country = country()
    default = flag()
    created_at = moment()


ProvincePage = page_of(ProvinceDocument, "ProvincePage")
CityPage = page_of(CityDocument, "CityPage")
AddressPage = page_of(AddressDocument, "AddressPage")
