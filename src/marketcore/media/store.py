"""The object store, local or S3: the only module that knows obstore.

Keys that begin with ``incoming/`` are uploads waiting to be re-encoded; ``images/`` holds what the public may see,
``private/`` what only those may whom a view lets.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, from_url

from marketcore.exceptions import ConfigurationError
from marketcore.settings import section


class MediaStore:
    """Bytes by key. Methods reach over the network: call them before locks are taken or after the commit."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def put(self, key: str, data: bytes) -> None:
        """Write ``data``, replacing what was there."""
        obstore.put(self._backend, key, data)

    def get(self, key: str) -> bytes | None:
        """Return what is stored under ``key``, or ``None``."""
        try:
            return bytes(obstore.get(self._backend, key).bytes())
        except (NotFoundError, FileNotFoundError):
            return None

    def delete(self, *keys: str) -> None:
        """Remove ``keys``; one that is not there is no error."""
        for key in keys:
            with contextlib.suppress(NotFoundError, FileNotFoundError):
                obstore.delete(self._backend, key)

    def older(self, prefix: str, moment: datetime) -> Iterator[list[str]]:
        """Yield, in batches, the keys under ``prefix`` that were last written before ``moment``."""
        for batch in obstore.list(self._backend, prefix=prefix):
            yield [found["path"] for found in batch if found["last_modified"] < moment]


def open_store(settings: Mapping[str, Any], data_dir: str) -> MediaStore:
    """Return the store that ``media.*`` describes; ``ConfigurationError`` names a URL that cannot be used."""
    url = settings["store_url"]
    try:
        if url.startswith("s3://"):
            return MediaStore(from_url(url, **_s3(settings)))
        folder = Path(url.removeprefix("file://") if url else Path(data_dir) / "media").absolute()
        return MediaStore(LocalStore(folder, automatic_cleanup=False, mkdir=True))
    except (BaseError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"media.store_url = {url!r} cannot be opened: {error}; give file:///FOLDER or s3://BUCKET/PREFIX"
        ) from None


def _s3(settings: Mapping[str, Any]) -> dict[str, Any]:
    named = {
        "endpoint": settings["s3_endpoint"],
        "region": settings["s3_region"],
        "access_key_id": settings["s3_access_key_id"],
        "secret_access_key": settings["s3_secret_access_key"],
    }
    given: dict[str, Any] = {name: value for name, value in named.items() if value}
    if settings["s3_endpoint"]:
        given["virtual_hosted_style_request"] = False
        given["client_options"] = {"allow_http": settings["s3_endpoint"].startswith("http://")}
    return given


def includeme(config: Any) -> None:
    """Open the store once per process."""
    data_dir = section(config.registry, "marketcore")["data_dir"]
    config.registry["media_store"] = open_store(section(config.registry, "media"), data_dir)
