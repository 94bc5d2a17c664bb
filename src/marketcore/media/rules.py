"""What keys are called and which of them belong to no row. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

INCOMING = "incoming"
IMAGES = "images"
PRIVATE = "private"
PDF = "application/pdf"
# Largest side in pixels of each variant.
VARIANTS: Mapping[str, int] = {"large": 1600, "thumb": 320}


def incoming_path(key: str) -> str:
    """Return where the private upload called ``key`` is kept."""
    return f"{INCOMING}/{key}"


def variant_path(key: str, variant: str, *, private: bool = False) -> str:
    """Return where a variant is kept; the same for every run of the job that makes it."""
    return f"{PRIVATE if private else IMAGES}/{key}/{variant}.webp"


def variant_paths(key: str, *, private: bool = False) -> dict[str, str]:
    """Return the paths of every variant by its name."""
    return {name: variant_path(key, name, private=private) for name in VARIANTS}


def document_path(key: str) -> str:
    """Return where a private PDF is kept, as it came."""
    return f"{PRIVATE}/{key}/document.pdf"


def is_pdf(data: bytes) -> bool:
    """Whether ``data`` begins and ends as a PDF does (ISO 32000-1, 7.5.2 and 7.5.5); nothing of it is read."""
    return data.startswith(b"%PDF-") and b"%%EOF" in data[-1024:]


def key_of(path: str) -> str:
    """Return the key that ``path`` belongs to."""
    return path.split("/")[1]


def orphans(paths: Iterable[str], states: Mapping[str, str]) -> list[str]:
    """Return the ``paths`` that nothing needs, given the ``states`` of existing rows by key.

    An upload is needed while its row is processing, a variant as long as its row exists.
    """
    return [path for path in paths if not _needed(path, states.get(key_of(path)))]


def _needed(path: str, state: str | None) -> bool:
    return state == "processing" if path.startswith(f"{INCOMING}/") else state is not None
