"""``media.*``: where files are kept and how large an image may be."""

from __future__ import annotations

import colander


class MediaSettings(colander.MappingSchema):
    """The object store and the limits of images."""

    store_url = colander.SchemaNode(
        colander.String(),
        missing="",
        validator=colander.Regex(r"^(file:///\S*|s3://\S+)?$", "must be a file:/// or s3:// URL"),
        description="file:///FOLDER or s3://BUCKET/PREFIX; empty: 'media' in marketcore.data_dir",
    )
    s3_endpoint = colander.SchemaNode(
        colander.String(), missing="", description="address of an S3 service that is not Amazon's"
    )
    s3_region = colander.SchemaNode(colander.String(), missing="us-east-1")
    s3_access_key_id = colander.SchemaNode(
        colander.String(), missing="", description="empty: what the environment or the machine's role says"
    )
    s3_secret_access_key = colander.SchemaNode(colander.String(), missing="")
    public_url = colander.SchemaNode(
        colander.String(), missing="/media", description="what image addresses begin with, such as a CDN's"
    )
    max_pixels = colander.SchemaNode(
        colander.Integer(), missing=25_000_000, validator=colander.Range(10_000, 80_000_000)
    )
