"""Identifiers that are the same for the same seed and never repeat within one run."""

import hashlib
import itertools
import secrets
from collections import defaultdict
from collections.abc import Iterator

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Ids:
    """Draw identifiers by kind; the nth of a kind depends on the seed, the kind and n alone.

    Without a seed every run differs, so that a database kept between runs sees no repeats.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._seed = secrets.token_hex(16) if seed is None else str(seed)
        self._counters: defaultdict[str, Iterator[int]] = defaultdict(itertools.count)

    def digits(self, kind: str, length: int) -> str:
        """Return `length` decimal digits."""
        return str(self._draw(kind) % 10**length).zfill(length)

    def letters(self, kind: str, length: int) -> str:
        """Return `length` capital letters and digits."""
        number, text = self._draw(kind), ""
        for _ in range(length):
            number, place = divmod(number, len(_LETTERS))
            text += _LETTERS[place]
        return text

    def percent(self, kind: str) -> int:
        """Return a number from 0 to 99."""
        return self._draw(kind) % 100

    def _draw(self, kind: str) -> int:
        text = f"{self._seed}/{kind}/{next(self._counters[kind])}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
