"""The fairness log: every decision of an auction in order, each entry carrying the hash of the one before.

An entry is a JSON text; its hash is the SHA-256 of that text, and the next entry's ``prev``. Whoever has noted a hash
while the auction ran (it is in the auction's document and in every live event) can tell afterwards whether anything
before it was changed. The ``salt`` keeps the hash of an entry from giving its secret maximum away meanwhile.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

import msgspec

GENESIS = "0" * 64
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One entry. ``kind``: ``opened``, ``bid``, ``retracted``, ``bought``, ``awarded``, ``unsold``, ``cancelled``;
    of auctions whose clock somebody holds also ``paused``, ``resumed`` and ``hammered``.

    ``bidder`` and ``leader`` are pseudonyms of this auction; amounts are minor units. ``terms`` are told once, by
    ``opened``; ``without`` names the bidders that an award leaves out.
    """

    auction: int
    seq: int
    kind: str
    at: Moment
    prev: str
    salt: str
    bidder: str | None = None
    maximum: int | None = None
    price: int | None = None
    leader: str | None = None
    ends_at: Moment | None = None
    round: int | None = None
    without: tuple[str, ...] = ()
    terms: dict[str, Any] | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Entry)


def make_entry(auction: int, seq: int, kind: str, at: datetime, prev: str, **fields: Any) -> tuple[str, str]:
    """Return the text of a new entry and its hash."""
    if fields.get("ends_at"):
        fields["ends_at"] = fields["ends_at"].astimezone(UTC)
    salt = secrets.token_hex(16)
    entry = Entry(auction=auction, seq=seq, kind=kind, at=at.astimezone(UTC), prev=prev, salt=salt, **fields)
    raw = _encoder.encode(entry)
    return raw.decode(), hashlib.sha256(raw).hexdigest()


def read_entry(text: str) -> Entry:
    """Read an entry back; ``ValueError`` if it is none, or not written as ``make_entry`` writes.

    A text that can be written in two ways could be read in two ways, such as one that gives a name twice.
    """
    entry = _decoder.decode(text)
    if _encoder.encode(entry).decode() != text:
        raise ValueError("an entry is written in one way only, and not like this")
    return entry


def hash_of(text: str) -> str:
    """Return the hash of an entry's text."""
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=10_000)
def pseudonym(key: bytes, user_id: int) -> str:
    """Return what a bidder is called in one auction: the same there always, and unrelated to other auctions."""
    return hashlib.blake2b(str(user_id).encode(), key=key, digest_size=8).hexdigest()
