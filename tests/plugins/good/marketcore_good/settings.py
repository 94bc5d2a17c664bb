"""``good.*``."""

import colander


class Rates(colander.MappingSchema):
    polish = colander.SchemaNode(colander.Integer(), missing=3, validator=colander.Range(1, 9))


class GoodSettings(colander.MappingSchema):
    limit = colander.SchemaNode(colander.Integer(), missing=10, validator=colander.Range(1, 100))
    port = colander.SchemaNode(colander.Integer(), missing=0)
    api_key = colander.SchemaNode(colander.String(), missing="", validator=colander.Length(max=40))
    rates = Rates(missing=Rates().deserialize({}))
