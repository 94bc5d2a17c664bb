"""What keys are called and which of them belong to no row. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

INCOMING = "incoming"
IMAGES = "images"
# Largest side in pixels of each public variant.
VARIANTS: Mapping[str, int] = {"large": 1600, "thumb": 320}


def incoming_path(key: str) -> str:
    """Return where the private upload called ``key`` is kept."""
    return f"{INCOMING}/{key}"


def variant_path(key: str, variant: str) -> str:
    """Return where a public variant is kept; the same for every run of the job that makes it."""
    return f"{IMAGES}/{key}/{variant}.webp"


def variant_paths(key: str) -> dict[str, str]:
    """Return the paths of every variant by its name."""
    return {name: variant_path(key, name) for name in VARIANTS}


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
